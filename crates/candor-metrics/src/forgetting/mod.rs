//! Has a model forgotten what it should, and nothing else?

mod accuracy;
mod answer_probability;
mod distance_to_retrained;
mod forget_quality;
mod ks_two_sample;
mod losses;
mod membership_inference;
mod model_utility;
mod rouge_l;
mod truth_ratio;

pub use accuracy::accuracy;
pub use answer_probability::AnswerProbability;
pub use distance_to_retrained::DistanceToRetrained;
pub use forget_quality::{ForgetQuality, forget_quality};
pub use ks_two_sample::{KsTest, ks_two_sample};
pub use membership_inference::membership_inference;
pub use model_utility::model_utility;
pub use rouge_l::{RougeL, rouge_tokens};
pub use truth_ratio::TruthRatio;
