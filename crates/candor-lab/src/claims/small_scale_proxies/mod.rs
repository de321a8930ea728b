//! Wortsman et al., arXiv 2309.14322.

mod decoder;
mod texts;

use burn::module::Module;
use burn::nn::loss::Reduction;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{DType, Device, Tensor};
use candor_core::host;
use candor_losses::stability::{
    AdamMoments, CrossEntropyWithZConfig, IndependentAdamWConfig, WarmupCosineConfig,
};
use candor_metrics::training::{
    AttentionLogitStats, LogZStats, LrWeighting, epsilon_attenuation, lr_sensitivity,
};
use candor_models::MlpConfig;

use self::decoder::Decoder;
use self::texts::Texts;
use super::descent::Descent;
use super::digit_rows::{CLASSES, DigitRows, PIXELS};
use super::{Bound, Claim, ClaimContext, Finding};
use crate::run::RunError;
use crate::training::clip_global_norm;

/// Weight of the z-loss in the paper.
const COEF: f64 = 1e-4;
/// Texts a step.
const BATCH: usize = 16;
/// Texts that are never trained on, as a batch number of their own.
const EVALUATION: u64 = u64::MAX;
const EVALUATION_TEXTS: usize = 128;
/// The global norm that gradients are clipped to.
const CLIP: f64 = 1.0;
/// Rates of the sweep: the sheet allows to leave out the two lowest, which behave alike.
const SWEEP: [f64; 4] = [1e-2, 3e-2, 1e-1, 3e-1];
/// Of the sweep, the rates that the sheet looks at.
const HIGH: f64 = 1e-1;
const HIGHEST: f64 = 3e-1;

/// The sheet saw 64 756 in its first seed.
const PLAIN_LOGIT: f64 = 1e3;
/// Over the query-key normalised model; the sheet saw about 2200.
const LOGIT_RATIO: f64 = 50.0;
/// Plain, from the lowest rate of the sweep to the highest; the sheet saw 12 000.
const LOGIT_GROWTH: f64 = 20.0;
/// The sheet saw sensitivities of 0.57 and 0.96.
const SENSITIVITY_SHARE: f64 = 0.7;
/// The sheet saw 2.58 and 1.07.
const LOSS_GAP: f64 = 1.0;
/// On the repeated motifs; the sheet saw 3000.
const MOTIF_LOGIT_RATIO: f64 = 100.0;
/// Shares by which the z-loss lowers log Z at 1e-4 and 1e-2; the sheet saw 24 % and 84 %.
const LOG_Z_DROPS: [(f64, f64); 2] = [(1e-4, 0.1), (1e-2, 0.7)];
/// Accuracy that it may cost.
const ACCURACY_LOSS: f64 = 0.01;

/// Small-scale proxies: high rates break small models the way scale breaks large ones, and normalised queries and keys with
/// the z-loss mend it.
///
/// Seed s = 0, 1, ...: decoders of width 32, 2 layers, 2 heads, trained by AdamW (0.9, 0.95, 1e-8; clip 1; independent decay
/// 1e-4) for 200 steps of 16 texts, 20 of them warm-up, then a cosine to 0. (A) a second-order chain of 32 tokens, length
/// 32: the largest attention logit at the end. (B) four of 16 tokens repeated to length 24, a tenth replaced: the final
/// loss over a sweep of rates. (C) digits, 64-64-10, Adam 1e-2 for 250 steps of 64: the root mean square of log Z on
/// the test set. (D) Adam's update against its ε.
///
/// Within 200 steps log Z does not drift in (B); (C) shows the z-loss alone.
#[derive(Debug, Clone)]
pub struct SmallScaleProxiesClaim {
    /// Steps of the decoders.
    pub steps: usize,
    /// Steps of the classifier of digits.
    pub digit_steps: usize,
}

impl Default for SmallScaleProxiesClaim {
    fn default() -> Self {
        Self {
            steps: 200,
            digit_steps: 250,
        }
    }
}

impl Claim for SmallScaleProxiesClaim {
    fn paper(&self) -> &'static str {
        "small-scale-proxies"
    }

    fn statement(&self) -> &'static str {
        "High learning rates break small models, and normalised queries and keys with the z-loss mend it."
    }

    fn run(&self, context: &ClaimContext) -> Result<Vec<Finding>, RunError> {
        let seeds = 0..context.seeds as u64;
        let device = &context.device;
        let mut seen = Vec::new();
        for seed in seeds {
            seen.push(Seen {
                chain: self.chain(seed, device)?,
                motif: self.motif(seed, device)?,
                digits: self.digits(seed, device)?,
                epsilon_error: epsilon_error(device)?,
            });
        }
        Ok(findings(&seen))
    }
}

/// What one seed showed.
struct Seen {
    chain: ChainSeen,
    motif: MotifSeen,
    digits: DigitsSeen,
    epsilon_error: f64,
}

/// Largest attention logits on the chain.
struct ChainSeen {
    plain_low: f64,
    plain_high: f64,
    normalised_high: f64,
}

/// On the repeated motifs, plain and mended.
struct MotifSeen {
    sensitivity: [f64; 2],
    loss_at_high: [f64; 2],
    logit_at_highest: [f64; 2],
}

/// Root mean square of log Z and accuracy, without the z-loss and with its two weights.
struct DigitsSeen {
    log_z: [f64; 3],
    accuracy: [f64; 3],
}

/// How a decoder is trained.
#[derive(Clone, Copy)]
struct Recipe {
    normalised: bool,
    coef: f64,
}

const PLAIN: Recipe = Recipe {
    normalised: false,
    coef: 0.0,
};
const NORMALISED: Recipe = Recipe {
    normalised: true,
    coef: 0.0,
};
const MENDED: Recipe = Recipe {
    normalised: true,
    coef: COEF,
};

/// Where a decoder's training ended.
struct End {
    initial_loss: f64,
    loss: f64,
    logit: f64,
}

impl SmallScaleProxiesClaim {
    fn chain(&self, seed: u64, device: &Device) -> Result<ChainSeen, RunError> {
        let texts = Texts::chain(32, 32, seed);
        let logit =
            |recipe, rate| Ok::<_, RunError>(self.train(recipe, rate, &texts, device)?.logit);
        Ok(ChainSeen {
            plain_low: logit(PLAIN, SWEEP[0])?,
            plain_high: logit(PLAIN, HIGHEST)?,
            normalised_high: logit(NORMALISED, HIGHEST)?,
        })
    }

    fn motif(&self, seed: u64, device: &Device) -> Result<MotifSeen, RunError> {
        let texts = Texts::motif(16, 24, seed);
        let mut seen = MotifSeen {
            sensitivity: [0.0; 2],
            loss_at_high: [0.0; 2],
            logit_at_highest: [0.0; 2],
        };
        for (side, recipe) in [PLAIN, MENDED].into_iter().enumerate() {
            let mut losses = Vec::new();
            let mut initial_loss = 0.0;
            for rate in SWEEP {
                let end = self.train(recipe, rate, &texts, device)?;
                losses.push(Some(end.loss));
                initial_loss = end.initial_loss;
                if (rate - HIGH).abs() < 1e-9 {
                    seen.loss_at_high[side] = end.loss;
                }
                if (rate - HIGHEST).abs() < 1e-9 {
                    seen.logit_at_highest[side] = end.logit;
                }
            }
            let found = lr_sensitivity(&SWEEP, &losses, initial_loss, LrWeighting::Mean)?;
            seen.sensitivity[side] = found.sensitivity;
        }
        Ok(seen)
    }

    /// Trains a decoder from the seed's weights.
    fn train(
        &self,
        recipe: Recipe,
        rate: f64,
        texts: &Texts,
        device: &Device,
    ) -> Result<End, RunError> {
        let start = Decoder::init(
            texts.vocabulary,
            texts.length,
            recipe.normalised,
            texts.seed,
            device,
        )?;
        let loss = CrossEntropyWithZConfig::new()
            .with_coef(recipe.coef)
            .init()?;
        let schedule = WarmupCosineConfig::new(rate)
            .with_warmup(self.steps / 10)
            .with_total(self.steps)
            .with_end(0.0)
            .init()?;
        // The independent decay of 1e-4, in the optimizer whose decay the rate multiplies.
        let decay = IndependentAdamWConfig::new(rate)
            .init()?
            .burn_weight_decay();
        let mut optimizer = AdamWConfig::new()
            .with_beta_2(0.95)
            .with_epsilon(1e-8)
            .with_weight_decay(decay as f32)
            .init();
        let initial_loss = evaluated(&start, texts, device)?;
        let mut model = start.train();
        for step in 0..self.steps {
            let (seen, next) = texts.batch(BATCH, step as u64, device);
            let value = loss.forward(model.forward(seen).logits, next, Reduction::Mean);
            let gradients = GradientsParams::from_grads(value.backward(), &model);
            let gradients = clip_global_norm(&model, gradients, CLIP);
            // Step 0 of a warm-up has rate 0.
            model = optimizer.step(schedule.lr(step + 1), model, gradients);
        }
        let model = model.valid();
        let (seen, _) = texts.batch(BATCH, EVALUATION - 1, device);
        let logit = model
            .forward(seen)
            .attention
            .iter()
            .try_fold(0.0, |max: f64, logits| {
                Ok::<_, RunError>(max.max(AttentionLogitStats::of_logits(logits)?.max))
            })?;
        Ok(End {
            initial_loss,
            loss: evaluated(&model, texts, device)?,
            logit,
        })
    }

    fn digits(&self, seed: u64, device: &Device) -> Result<DigitsSeen, RunError> {
        let [train, test] = DigitRows::split(1200, seed, device)?;
        let mut seen = DigitsSeen {
            log_z: [0.0; 3],
            accuracy: [0.0; 3],
        };
        let coefs = [0.0, LOG_Z_DROPS[0].0, LOG_Z_DROPS[1].0];
        for (place, coef) in coefs.into_iter().enumerate() {
            let loss = CrossEntropyWithZConfig::new().with_coef(coef).init()?;
            let start = MlpConfig::new(PIXELS, vec![64], CLASSES).init_seeded(device, seed)?;
            let model = Descent::adam(1e-2, self.digit_steps).run(start, |model, step| {
                let rows = train.select(&train.batch(64, step, seed));
                loss.forward(model.logits(rows.inputs), rows.labels, Reduction::Mean)
            });
            seen.log_z[place] = LogZStats::of(&model.logits(test.inputs.clone()))?.rms;
            seen.accuracy[place] = test.accuracy(&model)?;
        }
        Ok(seen)
    }
}

/// Mean cross-entropy on the texts kept back, without the penalty.
fn evaluated(model: &Decoder, texts: &Texts, device: &Device) -> Result<f64, RunError> {
    let plain = CrossEntropyWithZConfig::new().with_coef(0.0).init()?;
    let (seen, next) = texts.batch(EVALUATION_TEXTS, EVALUATION, device);
    let logits = model.forward(seen).logits;
    Ok(host::floats(&plain.forward(logits, next, Reduction::Mean))
        .iter()
        .sum())
}

/// The largest difference of a steady Adam update from g / (g + ε).
fn epsilon_error(device: &Device) -> Result<f64, RunError> {
    let mut worst = 0.0f64;
    for (gradient, epsilon) in [(1e-8, 1e-8), (1e-10, 1e-8), (1e-8, 1e-15)] {
        let adam = IndependentAdamWConfig::new(1.0).with_eps(epsilon).init()?;
        let weight = Tensor::<1>::zeros([1], (device, DType::F32));
        let slope = weight.ones_like() * gradient;
        let step = adam.step(weight.clone(), slope, AdamMoments::zeros(&weight), 1.0);
        let update: f64 = host::floats(&step.update_rms).iter().sum();
        worst = worst.max((update - epsilon_attenuation(gradient, epsilon)?).abs());
    }
    Ok(worst)
}

fn findings(seen: &[Seen]) -> Vec<Finding> {
    let each = |of: &dyn Fn(&Seen) -> f64| seen.iter().map(of).collect::<Vec<f64>>();
    let mut findings = vec![
        Finding::mean(
            "chain, rate 0.3: largest attention logit without normalisation",
            each(&|seen| seen.chain.plain_high),
            Bound::AtLeast(PLAIN_LOGIT),
        ),
        Finding::mean(
            "chain, rate 0.3: that over the one with normalised queries and keys",
            each(&|seen| seen.chain.plain_high / seen.chain.normalised_high),
            Bound::AtLeast(LOGIT_RATIO),
        ),
        Finding::mean(
            "chain: growth of the plain logit from rate 0.01 to 0.3",
            each(&|seen| seen.chain.plain_high / seen.chain.plain_low),
            Bound::AtLeast(LOGIT_GROWTH),
        ),
        Finding::mean(
            "motif: 0.7 of the plain sensitivity less that with normalisation and z-loss",
            each(&|seen| {
                let [plain, mended] = seen.motif.sensitivity;
                SENSITIVITY_SHARE * plain - mended
            }),
            Bound::AtLeast(0.0),
        ),
        Finding::every_seed(
            "motif, rate 0.1: plain loss less that with normalisation and z-loss",
            each(&|seen| {
                let [plain, mended] = seen.motif.loss_at_high;
                plain - mended
            }),
            Bound::AtLeast(LOSS_GAP),
        ),
        Finding::mean(
            "motif, rate 0.3: largest attention logit, plain over mended",
            each(&|seen| {
                let [plain, mended] = seen.motif.logit_at_highest;
                plain / mended
            }),
            Bound::AtLeast(MOTIF_LOGIT_RATIO),
        ),
    ];
    for (place, (coef, drop)) in (1..).zip(LOG_Z_DROPS) {
        findings.push(Finding::every_seed(
            format!("digits: share of log Z that a z-loss of {coef} takes away"),
            each(&|seen| 1.0 - seen.digits.log_z[place] / seen.digits.log_z[0]),
            Bound::AtLeast(drop),
        ));
        findings.push(Finding::mean(
            format!("digits: accuracy with a z-loss of {coef} less that without"),
            each(&|seen| seen.digits.accuracy[place] - seen.digits.accuracy[0]),
            Bound::AtLeast(-ACCURACY_LOSS),
        ));
    }
    findings.push(Finding::every_seed(
        "Adam's update: difference from g / (g + ε)",
        each(&|seen| seen.epsilon_error),
        Bound::AtMost(1e-6),
    ));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_run_has_all_parts_and_keeps_what_needs_no_training() {
        let small = SmallScaleProxiesClaim {
            steps: 4,
            digit_steps: 20,
        };
        let findings = small.run(&ClaimContext::quiet(1)).unwrap();
        assert_eq!(findings.len(), 11);
        assert!(findings.iter().all(|finding| finding.value().is_finite()));
        assert!(findings.last().unwrap().holds());
    }

    #[test]
    fn normalised_attention_is_bounded_from_the_start() {
        let texts = Texts::motif(16, 24, 0);
        let model = Decoder::init(16, 24, true, 0, &Device::flex()).unwrap();
        let (seen, _) = texts.batch(4, 0, &Device::flex());
        for logits in model.forward(seen).attention {
            // √16: the width of a head.
            assert!(AttentionLogitStats::of_logits(&logits).unwrap().max <= 4.0 + 1e-5);
        }
    }
}
