use askama::Template;

use crate::run::RunError;

/// `MODEL_CARD.md`, which stands beside weights and says what they are.
#[derive(Template, Debug, Clone)]
#[template(path = "MODEL_CARD.md", escape = "none")]
pub struct ModelCard {
    /// The model's name.
    pub name: String,
    /// What it was trained on.
    pub data: String,
    /// How it was trained.
    pub training: String,
    /// What it is for, and what not.
    pub use_and_limits: String,
    /// Measured figures, name and value.
    pub figures: Vec<(String, String)>,
    /// The architecture, as JSON.
    pub architecture: String,
    /// Where the weights are, and what loads them.
    pub files: String,
}

impl ModelCard {
    /// The card as Markdown.
    ///
    /// # Errors
    ///
    /// A template that cannot be filled in.
    pub fn markdown(&self) -> Result<String, RunError> {
        self.render().map_err(|error| RunError::Drawing {
            what: "a model card",
            reason: error.to_string(),
        })
    }
}
