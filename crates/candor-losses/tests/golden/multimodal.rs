use burn::tensor::{Device, Tensor};
use candor_core::ConfigError;
use candor_losses::multimodal::{
    AttributeLossConfig, AttributeReduction, ContrastiveInputs, FeatureQueue, HardNegatives,
    MarsLossConfig, MarsTerms, MlmDistillLossConfig, MomentumContrastiveLossConfig, PartOfSpeech,
    PatchMaskingConfig, ReconstructionLossConfig, ReplacedTokenLabels, attribute_mask, patchify,
    unshuffle,
};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("mars")
        .op("mars_random_masking", random_masking)
        .op("mars_unshuffle", mars_unshuffle)
        .op("mars_patchify", mars_patchify)
        .op("mars_reconstruction_loss", reconstruction_loss)
        .op("mars_attribute_loss", attribute_loss)
        .op("mars_attribute_mask", mars_attribute_mask)
        .op("mars_contrastive_loss", contrastive_loss)
        .op("mars_hard_negative", hard_negative)
        .op("mars_mlm_loss", mlm_loss)
        .op("mars_replaced_token_labels", replaced_token_labels)
        .op("mars_total_loss", total_loss)
        .op("mars_queue_push", queue_push)
        .elsewhere(&["mars_retrieval_metrics"])
}

fn random_masking(case: &Case, device: &Device) -> OpResult {
    let masking = PatchMaskingConfig::new()
        .with_mask_ratio(case.param("mask_ratio"))
        .init()?;
    let masked = masking.by_noise(&case.float("noise", device))?;
    Ok(Outputs::new()
        .ints("ids_keep", &masked.kept)
        .ints("ids_restore", &masked.restore)
        .tensor("mask", &masked.mask))
}

fn mars_unshuffle(case: &Case, device: &Device) -> OpResult {
    let visible = case.tracked::<3>("visible", device);
    let mask_token = case.tracked::<1>("mask_token", device);
    let tokens = unshuffle(
        visible.clone(),
        mask_token.clone(),
        case.int("ids_restore", device),
    );
    let gradients = tokens.clone().square().sum().backward();
    Ok(Outputs::new()
        .tensor("tokens", &tokens)
        .tensor("grad.visible", &visible.grad(&gradients).unwrap())
        .tensor(
            "grad.mask_token",
            // Where no patch is removed, the mask token stands nowhere.
            &mask_token
                .grad(&gradients)
                .unwrap_or_else(|| mask_token.clone().without_autodiff().zeros_like()),
        ))
}

fn mars_patchify(case: &Case, device: &Device) -> OpResult {
    let patch = case.count("patch").unwrap_or(0);
    let patches = patchify(case.float("images", device), patch)?;
    Ok(Outputs::new().tensor("patches", &patches))
}

fn reconstruction_loss(case: &Case, device: &Device) -> OpResult {
    let loss = ReconstructionLossConfig::new()
        .with_patch(case.count("patch").unwrap_or(0))
        .with_normalize_target(case.flag("normalize_target"))
        .init()?;
    let images = case.float::<4>("images", device);
    let predicted = case.tracked::<3>("pred", device);
    let mask = case.float::<2>("mask", device);
    loss.validate(&images, &predicted, &mask)?;
    let value = loss.forward(images, predicted.clone(), mask);
    Ok(Outputs::new()
        .tensor("loss", &value)
        .gradients(&value, &[("pred", &predicted)]))
}

fn attribute_loss(case: &Case, device: &Device) -> OpResult {
    let reduction = match case.text("reduction") {
        "per_sample" => AttributeReduction::PerSample,
        "per_chunk" => AttributeReduction::PerChunk,
        other => panic!("no reduction {other}"),
    };
    let loss = AttributeLossConfig::new()
        .with_reduction(reduction)
        .init()?;
    let [matching, wrong] =
        ["pos_tokens", "neg_tokens"].map(|name| case.tracked::<3>(name, device));
    let [matching_chunks, wrong_chunks] =
        ["pos_chunks", "neg_chunks"].map(|name| case.int::<2>(name, device));
    let weight = case.tracked::<2>("weight", device);
    let bias = case.tracked::<1>("bias", device);
    loss.validate(&matching, &matching_chunks)?;
    loss.validate(&wrong, &wrong_chunks)?;
    let head =
        |states: Tensor<2>| states.matmul(weight.clone().transpose()) + bias.clone().unsqueeze();
    let value = loss.forward(
        matching.clone(),
        matching_chunks,
        wrong.clone(),
        wrong_chunks,
        head,
    );
    let gradients = value.backward();
    Ok(Outputs::new()
        .tensor("loss", &value)
        .tensor("grad.pos_tokens", &matching.grad(&gradients).unwrap())
        .tensor("grad.neg_tokens", &wrong.grad(&gradients).unwrap())
        .tensor("grad.weight", &weight.grad(&gradients).unwrap())
        .tensor("grad.bias", &bias.grad(&gradients).unwrap()))
}

fn mars_attribute_mask(case: &Case, _: &Device) -> OpResult {
    let tags = case.value("tags").as_array().unwrap();
    let tags: Vec<PartOfSpeech> = tags
        .iter()
        .map(|tag| {
            let tag = tag.as_str().unwrap();
            tag.parse().unwrap_or(PartOfSpeech::Other)
        })
        .collect();
    let chunks = case.numbers("chunks");
    let chunks: Vec<Option<usize>> = chunks
        .into_iter()
        .map(|chunk| (chunk >= 0.0).then_some(chunk as usize))
        .collect();
    let mask = attribute_mask(&tags, &chunks, case.count("length").unwrap_or(0))?;
    Ok(Outputs::new().values("mask", mask.into_iter().map(|number| number as f64)))
}

fn contrastive_loss(case: &Case, device: &Device) -> OpResult {
    let loss = MomentumContrastiveLossConfig::new()
        .with_alpha(case.param("alpha"))
        .init()?;
    let [image, text] = ["image", "text"].map(|name| case.tracked::<2>(name, device));
    let temperature =
        Tensor::<1>::from_data([case.param("temperature")], &device.clone().autodiff())
            .require_grad();
    let plain = |name: &str| case.float::<2>(name, device);
    let inputs = ContrastiveInputs {
        image: image.clone(),
        text: text.clone(),
        image_momentum: plain("image_m"),
        text_momentum: plain("text_m"),
        image_queue: plain("image_queue"),
        text_queue: plain("text_queue"),
        ids: case.int("ids", device),
        queue_ids: case.int("queue_ids", device),
    };
    loss.validate(&inputs, &temperature)?;
    let parts = loss.forward_parts(inputs, temperature.clone());
    let gradients = parts.loss.backward();
    Ok(Outputs::new()
        .tensor("loss", &parts.loss)
        .tensor("i2t", &parts.image_to_text)
        .tensor("t2i", &parts.text_to_image)
        .tensor("i2i", &parts.image_to_image)
        .tensor("t2t", &parts.text_to_text)
        .tensor("grad.image", &image.grad(&gradients).unwrap())
        .tensor("grad.text", &text.grad(&gradients).unwrap())
        .tensor("grad.temperature", &temperature.grad(&gradients).unwrap()))
}

fn hard_negative(case: &Case, device: &Device) -> OpResult {
    let ids = case.int::<1>("ids", device);
    HardNegatives::validate(&ids)?;
    let negatives = HardNegatives::pick(
        case.float("similarity", device),
        ids,
        case.float("uniforms", device),
    );
    Ok(Outputs::new()
        .tensor("weights", &negatives.weights)
        .ints("picked", &negatives.picked))
}

fn mlm_loss(case: &Case, device: &Device) -> OpResult {
    let loss = MlmDistillLossConfig::new()
        .with_alpha(case.param("alpha"))
        .init()?;
    let logits = case.tracked::<3>("logits", device);
    let labels = case.int::<2>("labels", device);
    let soft_labels = case.float::<3>("soft_labels", device);
    loss.validate(&logits, &labels, &soft_labels)?;
    let value = loss.forward(logits.clone(), labels, soft_labels);
    Ok(Outputs::new()
        .tensor("loss", &value)
        .gradients(&value, &[("logits", &logits)]))
}

fn replaced_token_labels(case: &Case, device: &Device) -> OpResult {
    let [predicted, original, attention] =
        ["predicted", "original", "attention"].map(|name| case.int::<2>(name, device));
    let replaced = ReplacedTokenLabels::new(
        predicted,
        original,
        attention,
        case.param("cls") as i64,
        case.param("pad") as i64,
    );
    Ok(Outputs::new()
        .ints("input_ids", &replaced.input_ids)
        .ints("labels", &replaced.labels))
}

fn total_loss(case: &Case, device: &Device) -> OpResult {
    let weights = case.numbers("weights");
    let &[
        contrastive,
        matching,
        language,
        relation,
        replaced,
        reconstruction,
        attribute,
    ] = weights.as_slice()
    else {
        let config = "MarsLossConfig";
        return Err(ConfigError::contradiction(config, "there are seven weights").into());
    };
    let loss = MarsLossConfig::new()
        .with_contrastive(contrastive)
        .with_matching(matching)
        .with_masked_language(language)
        .with_relation(relation)
        .with_replaced_token(replaced)
        .with_reconstruction(reconstruction)
        .with_attribute(attribute)
        .init()?;
    let losses = case.float::<1>("losses", device);
    let term = |index: usize| losses.clone().slice_dim(0, index..index + 1);
    let value = loss.forward(MarsTerms {
        contrastive: term(0),
        matching: term(1),
        masked_language: term(2),
        relation: term(3),
        replaced_token: term(4),
        reconstruction: term(5),
        attribute: term(6),
    });
    Ok(Outputs::new().tensor("loss", &value))
}

fn queue_push(case: &Case, device: &Device) -> OpResult {
    let features = case.float::<2>("queue", device);
    let new = case.float::<2>("new", device);
    let ids = |count: usize| Tensor::zeros([count], device);
    let (size, batch) = (features.dims()[0], new.dims()[0]);
    let pointer = case.count("pointer").unwrap_or(usize::MAX);
    let queue = FeatureQueue::restore(features, ids(size), pointer)?.push(new, ids(batch))?;
    Ok(Outputs::new()
        .tensor("queue", &queue.features())
        .json("pointer", queue.pointer()))
}
