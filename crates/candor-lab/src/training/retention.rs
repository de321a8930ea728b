use burn::train::checkpoint::{CheckpointingAction, CheckpointingStrategy};
use burn::train::metric::store::{Aggregate, Direction, EventStoreClient, Split};

/// Keeps the checkpoints of the last two epochs, one of which a kill may find half written, and of the best one.
///
/// The best has the lowest validation loss, and is the first of several. Nothing is remembered between epochs, so a
/// resumed training keeps what an uninterrupted one would.
pub(crate) struct BestAndLast;

impl CheckpointingStrategy for BestAndLast {
    fn checkpointing(
        &mut self,
        epoch: usize,
        store: &EventStoreClient,
    ) -> Vec<CheckpointingAction> {
        let best = store.find_epoch("Loss", Aggregate::Mean, Direction::Lowest, &Split::Valid);
        let old = superseded(epoch, best).map(CheckpointingAction::Delete);
        std::iter::once(CheckpointingAction::Save)
            .chain(old)
            .collect()
    }
}

/// Epochs whose checkpoints are not needed after this one; deleting what is gone already does nothing.
fn superseded(epoch: usize, best: Option<usize>) -> impl Iterator<Item = usize> {
    (1..epoch.saturating_sub(1)).filter(move |old| Some(*old) != best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_and_the_last_two_stay() {
        let gone = |epoch, best| superseded(epoch, best).collect::<Vec<_>>();
        assert!(gone(1, Some(1)).is_empty() && gone(2, Some(1)).is_empty());
        assert_eq!(gone(5, Some(2)), [1, 3]);
        assert_eq!(gone(5, Some(5)), [1, 2, 3]);
        assert_eq!(gone(4, None), [1, 2]);
    }
}
