/// The linear ramp `min(1, epoch / warm_up)`, epochs counted from 0; 1 where there is no warm-up.
///
/// Epoch 0 of a warm-up gives 0: the student starts without the teacher.
///
/// ```
/// use candor_distill::features::warm_up_factor;
///
/// assert_eq!([0, 5, 20, 30].map(|epoch| warm_up_factor(epoch, 20)), [0.0, 0.25, 1.0, 1.0]);
/// assert_eq!(warm_up_factor(0, 0), 1.0);
/// ```
pub fn warm_up_factor(epoch: usize, warm_up: usize) -> f64 {
    if warm_up == 0 {
        1.0
    } else {
        (epoch as f64 / warm_up as f64).min(1.0)
    }
}
