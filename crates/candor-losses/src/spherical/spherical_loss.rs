use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::{InputError, check_shape, host, in_f32, reduce};

/// All that a spherical loss sees of a row of outputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutputSummary {
    /// The output of the label, `a = o_label`.
    pub label: f64,
    /// The sum of the squared outputs, `q = Σ o²`.
    pub squares: f64,
    /// The sum of the outputs, `s = Σ o`.
    pub sum: f64,
    /// How many outputs there are, `D`.
    pub classes: usize,
}

/// A spherical loss and its derivatives by the three numbers of an [`OutputSummary`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SphericalSlopes {
    /// The loss.
    pub loss: f64,
    /// Its derivative by the output of the label.
    pub label: f64,
    /// Its derivative by the sum of the squares.
    pub squares: f64,
    /// Its derivative by the sum.
    pub sum: f64,
}

/// A loss that depends on a row of outputs only through the label's output, the sum of squares and the sum.
///
/// ```text
/// loss(o, label) = L(a, q, s, D),   a = o_label,  q = Σ o²,  s = Σ o,  D classes
/// ```
///
/// It can be used as any loss, by [`forward`](Self::forward), and it can train a
/// [`SphericalOutputLayer`](super::SphericalOutputLayer), which needs its [`slopes`](Self::slopes) on the host.
///
/// # Source
///
/// Vincent, de Brébisson, Bouthillier: Efficient Exact Gradient Update for training Deep Networks with Very Large
/// Sparse Targets, 2014, arXiv 1412.7091.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::spherical::{OutputSummary, SphericalLoss, SphericalMse};
///
/// // Outputs (1, 2) with label 0: (1 - 1)² + 2² = 4.
/// let summary = OutputSummary { label: 1.0, squares: 5.0, sum: 3.0, classes: 2 };
/// assert_eq!(SphericalMse::new().slopes(summary).loss, 4.0);
/// ```
pub trait SphericalLoss {
    /// The name that errors and panics carry.
    fn name(&self) -> &'static str;

    /// The loss and its three derivatives on the host, in closed form.
    fn slopes(&self, summary: OutputSummary) -> SphericalSlopes;

    /// The loss of each row from its three numbers; every tensor has shape `[batch]`, in `f32` or `f64`.
    fn forward_summaries(
        &self,
        label_outputs: Tensor<1>,
        squares: Tensor<1>,
        sums: Tensor<1>,
        classes: usize,
    ) -> Tensor<1>;

    /// The loss of each row of outputs that are at least `f32`; shapes have been checked.
    ///
    /// Override it where the sums lose what the outputs still hold, as a variance does.
    fn forward_rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        let [_, classes] = logits.dims();
        let squares = logits.clone().square().sum_dim(1).squeeze_dim(1);
        let sums = logits.clone().sum_dim(1).squeeze_dim(1);
        let label_outputs = logits.gather(1, labels.unsqueeze_dim(1)).squeeze_dim(1);
        self.forward_summaries(label_outputs, squares, sums, classes)
    }

    /// The loss of each row, `[batch]`.
    ///
    /// # Shapes
    ///
    /// - logits: `[batch, classes]`
    /// - labels: `[batch]`, in `0..classes`
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    fn forward_no_reduction(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        let [batch, _] = logits.dims();
        check_shape!(self.name(), labels, [batch]);
        in_f32(logits, |logits| self.forward_rows(logits, labels))
    }

    /// The loss, reduced to `[1]`.
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    fn forward(
        &self,
        logits: Tensor<2>,
        labels: Tensor<1, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(self.forward_no_reduction(logits, labels), &reduction)
    }

    /// Looks for values the loss is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// Differing lengths, an empty batch, fewer than two classes, a label outside the classes.
    fn validate(&self, logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Result<(), InputError> {
        let ([rows, classes], component) = (logits.dims(), self.name());
        InputError::check_dims(component, "labels", &labels.dims(), &[rows])?;
        InputError::check_not_empty(component, "labels", rows)?;
        if classes < 2 {
            return Err(InputError::Undefined {
                component,
                reason: "there must be at least two classes",
            });
        }
        InputError::check_labels(component, "labels", &host::ints(labels), classes)
    }
}

/// A loss that is chosen while the program runs.
impl<L: SphericalLoss + ?Sized> SphericalLoss for Box<L> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn slopes(&self, summary: OutputSummary) -> SphericalSlopes {
        (**self).slopes(summary)
    }

    fn forward_summaries(
        &self,
        label_outputs: Tensor<1>,
        squares: Tensor<1>,
        sums: Tensor<1>,
        classes: usize,
    ) -> Tensor<1> {
        (**self).forward_summaries(label_outputs, squares, sums, classes)
    }

    fn forward_rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        (**self).forward_rows(logits, labels)
    }
}
