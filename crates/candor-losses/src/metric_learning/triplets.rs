use burn::tensor::{Bool, Int, Tensor, TensorData};
use candor_core::host;

/// Triplets of rows: an anchor, a positive of its class, a negative of another.
///
/// A [`TripletMiner`](super::TripletMiner) gives one for each anchor, on the device, and marks those that exist;
/// [`Triplets::all`] lists every one.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::metric_learning::Triplets;
///
/// let labels = Tensor::<1, Int>::from_data([0, 0, 1], &Device::flex());
/// assert_eq!(Triplets::all(&labels).indices(), [[0, 1, 2], [1, 0, 2]]);
/// ```
#[derive(Debug, Clone)]
pub struct Triplets {
    pub(super) anchors: Tensor<1, Int>,
    pub(super) positives: Tensor<1, Int>,
    pub(super) negatives: Tensor<1, Int>,
    pub(super) kept: Tensor<1, Bool>,
}

impl Triplets {
    /// Every triplet, by anchor, then positive, then negative; reads the labels to the host.
    ///
    /// There are up to rows³ of them. Where there is none, one that is not kept stands in, as tensors are not empty.
    pub fn all(labels: &Tensor<1, Int>) -> Self {
        let device = labels.device().without_autodiff();
        let labels = host::ints(labels);
        let rows = 0..labels.len();
        let of = |anchor: usize, same: bool| {
            let labels = &labels;
            rows.clone()
                .filter(move |&row| row != anchor && (labels[row] == labels[anchor]) == same)
        };
        let mut found: Vec<[i64; 3]> = Vec::new();
        for anchor in rows.clone() {
            for positive in of(anchor, true) {
                let triplet = |negative| [anchor, positive, negative].map(|row| row as i64);
                found.extend(of(anchor, false).map(triplet));
            }
        }
        let exists = !found.is_empty();
        if !exists {
            found.push([0; 3]);
        }
        let column = |place: usize| {
            let places: Vec<i64> = found.iter().map(|triplet| triplet[place]).collect();
            Tensor::from_data(TensorData::new(places, [found.len()]), &device)
        };
        let kept = TensorData::new(vec![exists; found.len()], [found.len()]);
        Self {
            anchors: column(0),
            positives: column(1),
            negatives: column(2),
            kept: Tensor::from_data(kept, &device),
        }
    }

    /// Rows of the anchors, `[triplets]`.
    pub fn anchors(&self) -> &Tensor<1, Int> {
        &self.anchors
    }

    /// Rows of the positives, `[triplets]`.
    pub fn positives(&self) -> &Tensor<1, Int> {
        &self.positives
    }

    /// Rows of the negatives, `[triplets]`.
    pub fn negatives(&self) -> &Tensor<1, Int> {
        &self.negatives
    }

    /// Which triplets exist, `[triplets]`; the rows of the others mean nothing.
    pub fn kept(&self) -> &Tensor<1, Bool> {
        &self.kept
    }

    /// Anchor, positive and negative of the triplets that exist; reads them to the host.
    pub fn indices(&self) -> Vec<[usize; 3]> {
        let [anchors, positives, negatives] =
            [&self.anchors, &self.positives, &self.negatives].map(host::ints);
        let kept = host::ints(&self.kept.clone().int());
        let columns = anchors.into_iter().zip(positives).zip(negatives).zip(kept);
        columns
            .filter(|&(_, kept)| kept != 0)
            .map(|(((anchor, positive), negative), _)| {
                [anchor, positive, negative].map(|row| usize::try_from(row).unwrap_or_default())
            })
            .collect()
    }
}
