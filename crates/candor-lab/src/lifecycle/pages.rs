use super::distillation::DistillationResult;
use super::explanation::{ExplanationResult, Method as ExplainMethod, ModelExplanations};
use super::forgetting::ScenarioResult;
use super::student_objective::StudentMethod;
use super::teacher::TeacherResult;
use super::{Context, LifecycleResults};
use crate::report::{
    Better, Figure, Grid, GridRow, Page, ScatterPoint, Section, Table, attribution_image,
    grey_image, matrix_chart, scatter_chart,
};
use crate::run::RunError;
use crate::training::{learning_chart, valid_chart};

/// Width of a digit, in pixels.
const WIDTH: usize = 8;

/// The report of a run.
pub(super) fn page(context: &Context, results: &LifecycleResults) -> Result<Page, RunError> {
    let mut sections = vec![
        teaching(&results.teacher)?,
        distilling(&results.distillation, &results.teacher)?,
    ];
    for scenario in &results.forgetting {
        sections.push(forgetting(scenario)?);
    }
    sections.push(explaining(&results.explanations)?);
    sections.push(scoring(&results.explanations)?);
    Ok(Page {
        title: "Candor: one model's life".to_owned(),
        subtitle: format!(
            "Trained, distilled, made to forget, explained and scored on the embedded 8 x 8 digits: {} training and {} \
             test rows, seed {}. Every number is also in results.json.",
            context.digits.train.len(),
            context.digits.test.len(),
            context.settings.seed
        ),
        checks: results.checks.clone(),
        sections,
    })
}

fn teaching(teacher: &TeacherResult) -> Result<Section, RunError> {
    Ok(Section {
        title: "The teacher".to_owned(),
        text: format!(
            "A convolutional network of {} parameters, trained in {:.1} s. The weights kept are the moving average.",
            teacher.parameters, teacher.seconds
        ),
        figures: vec![
            Figure {
                svg: learning_chart("Loss", &[("", &teacher.curves)])?,
                caption: "Cross-entropy over the epochs; valid is the test set, which nothing is chosen by.".to_owned(),
            },
            Figure {
                svg: learning_chart("Accuracy", &[("", &teacher.curves)])?,
                caption: "Accuracy over the epochs, in percent.".to_owned(),
            },
        ],
        ..Section::default()
    })
}

fn distilling(
    distillation: &DistillationResult,
    teacher: &TeacherResult,
) -> Result<Section, RunError> {
    let mut table =
        Table::new("Students, mean over their seeds; the worst and best seed show the spread.")
            .column("test accuracy", Better::Higher, 4)
            .column("worst seed", Better::Higher, 4)
            .column("best seed", Better::Higher, 4)
            .column("parameters", Better::Neither, 0)
            .column("seconds", Better::Lower, 2)
            .row(
                "teacher",
                [
                    teacher.test_accuracy,
                    f64::NAN,
                    f64::NAN,
                    teacher.parameters as f64,
                    teacher.seconds,
                ],
            );
    let mut curves = Vec::new();
    for method in StudentMethod::ALL {
        let students: Vec<_> = distillation
            .students
            .iter()
            .filter(|student| student.method == method)
            .collect();
        let accuracies = distillation.accuracies(method);
        let seconds =
            students.iter().map(|student| student.seconds).sum::<f64>() / students.len() as f64;
        table = table.row(
            method.label(),
            [
                distillation.mean_accuracy(method),
                accuracies.iter().copied().fold(f64::INFINITY, f64::min),
                accuracies.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                students[0].parameters as f64,
                seconds,
            ],
        );
        curves.push((method.label(), &students[0].curves));
    }
    let valid: Vec<_> = curves
        .iter()
        .map(|(name, curves)| (*name, *curves))
        .collect();
    Ok(Section {
        title: "Students".to_owned(),
        text: format!(
            "Small students that see {} labelled rows, from the same starting weights for every method of a seed.",
            distillation.rows
        ),
        figures: vec![Figure {
            svg: valid_chart("Accuracy", &valid)?,
            caption: "Test accuracy of the first seed's students over the epochs, in percent."
                .to_owned(),
        }],
        tables: vec![table],
        ..Section::default()
    })
}

fn forgetting(scenario: &ScenarioResult) -> Result<Section, RunError> {
    let mut table = Table::new("Retraining from scratch is what forgetting should come close to; AUC 0.5 gives nothing away.")
        .column("forget accuracy", Better::Neither, 4)
        .column("retain accuracy", Better::Higher, 4)
        .column("test accuracy", Better::Higher, 4)
        .column("membership AUC", Better::Neither, 3)
        .column("KL to retrained", Better::Lower, 3)
        .column("seconds", Better::Lower, 2);
    for model in &scenario.models {
        table = table.row(
            &model.model,
            [
                model.forget_accuracy,
                model.retain_accuracy,
                model.test_accuracy,
                model.membership_auc,
                model.distance_to_retrained,
                model.seconds,
            ],
        );
    }
    let points: Vec<_> = scenario
        .models
        .iter()
        .map(|model| ScatterPoint {
            name: model.model.clone(),
            at: (model.forget_accuracy, model.retain_accuracy),
        })
        .collect();
    let curves: Vec<_> = scenario.models[2..]
        .iter()
        .map(|model| (model.model.as_str(), &model.curves))
        .collect();
    Ok(Section {
        title: format!("Forgetting {}", scenario.scenario),
        text: format!(
            "{} rows to forget, {} to retain. Every method runs as long, from the same teacher.",
            scenario.forget_rows, scenario.retain_rows
        ),
        figures: vec![
            Figure {
                svg: scatter_chart("Forget and retain", "accuracy on rows to forget", "accuracy on rows to retain", &points)?,
                caption: "The trade-off: good methods lie beside the retrained model.".to_owned(),
            },
            Figure {
                svg: valid_chart("Accuracy", &curves)?,
                caption: "Accuracy on test rows of the classes that are kept, over the epochs, in percent.".to_owned(),
            },
        ],
        tables: vec![table],
        ..Section::default()
    })
}

fn explaining(explanations: &ExplanationResult) -> Result<Section, RunError> {
    let mut grids = Vec::new();
    for model in &explanations.models {
        grids.push(heatmaps(explanations, model)?);
    }
    Ok(Section {
        title: "Explanations before and after forgetting".to_owned(),
        text: "The same test images, explained for their own label before and after the class was forgotten by NPO+RT. Red \
               speaks for the label, blue against it, each image on its own scale."
            .to_owned(),
        grids,
        ..Section::default()
    })
}

fn heatmaps(explanations: &ExplanationResult, model: &ModelExplanations) -> Result<Grid, RunError> {
    let inputs = explanations
        .images
        .iter()
        .map(|pixels| grey_image(pixels, WIDTH))
        .collect::<Result<_, _>>()?;
    let mut rows = vec![GridRow {
        name: "image".to_owned(),
        images: inputs,
    }];
    for method in model
        .methods
        .iter()
        .filter(|method| method.method != ExplainMethod::Random)
    {
        rows.push(GridRow {
            name: method.method.label().to_owned(),
            images: method
                .values
                .iter()
                .map(|values| attribution_image(values, WIDTH))
                .collect::<Result<_, _>>()?,
        });
    }
    Ok(Grid {
        caption: format!("{} forgetting", capitalised(&model.model)),
        columns: explanations
            .labels
            .iter()
            .map(|label| format!("“{label}”"))
            .collect(),
        rows,
    })
}

fn scoring(explanations: &ExplanationResult) -> Result<Section, RunError> {
    let names: Vec<String> = ExplainMethod::EXPLAINERS
        .iter()
        .map(|method| method.label().to_owned())
        .collect();
    let mut section = Section {
        title: "How good are the explanations?".to_owned(),
        text: "Means over the images. Read every number against the row “random”. Agreement is Kendall's τ of absolute \
               contributions: low agreement does not prove an explanation wrong."
            .to_owned(),
        ..Section::default()
    };
    for model in &explanations.models {
        section.tables.push(score_table(model));
        section.figures.push(Figure {
            svg: matrix_chart(
                &format!("Agreement {} forgetting", model.model),
                &names,
                &model.agreement,
            )?,
            caption: "Mean Kendall's τ between the methods.".to_owned(),
        });
    }
    Ok(section)
}

fn score_table(model: &ModelExplanations) -> Table {
    let table = Table::new(format!("{} forgetting", capitalised(&model.model)))
        .column("deletion AUC", Better::Lower, 3)
        .column("insertion AUC", Better::Higher, 3)
        .column("faithfulness corr.", Better::Higher, 3)
        .column("infidelity", Better::Lower, 3)
        .column("max sensitivity", Better::Lower, 3)
        .column("Gini", Better::Higher, 3)
        .column("model rows an image", Better::Lower, 0)
        .column("seconds", Better::Lower, 2);
    model.methods.iter().fold(table, |table, result| {
        let scores = &result.scores;
        table.row(
            result.method.label(),
            [
                scores.deletion_auc,
                scores.insertion_auc,
                scores.faithfulness_correlation,
                scores.infidelity,
                scores.max_sensitivity,
                scores.gini,
                result.model_calls,
                result.seconds,
            ],
        )
    })
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
