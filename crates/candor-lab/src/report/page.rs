use askama::Template;

use super::Check;
use super::table::Table;
use crate::run::RunError;

/// A report: checks first, then sections of figures and tables.
#[derive(Template, Debug, Clone)]
#[template(path = "report.html")]
pub struct Page {
    /// The heading.
    pub title: String,
    /// One sentence beneath it.
    pub subtitle: String,
    /// What the run promises.
    pub checks: Vec<Check>,
    /// The sections, in order.
    pub sections: Vec<Section>,
}

/// A part of a report.
#[derive(Debug, Clone, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What the reader should look for.
    pub text: String,
    /// Pictures.
    pub figures: Vec<Figure>,
    /// Grids of small images.
    pub grids: Vec<Grid>,
    /// Tables of numbers.
    pub tables: Vec<Table>,
    /// Tables of words.
    pub texts: Vec<TextTable>,
}

/// Words in rows and columns.
#[derive(Debug, Clone)]
pub struct TextTable {
    /// What it shows.
    pub caption: String,
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows, one text a column.
    pub rows: Vec<Vec<String>>,
}

/// A picture with its caption.
#[derive(Debug, Clone)]
pub struct Figure {
    /// An inline SVG.
    pub svg: String,
    /// What it shows.
    pub caption: String,
}

/// Small images in rows and columns.
#[derive(Debug, Clone)]
pub struct Grid {
    /// What it shows.
    pub caption: String,
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<GridRow>,
}

/// One row of a grid.
#[derive(Debug, Clone)]
pub struct GridRow {
    /// Its name.
    pub name: String,
    /// One `data:` address of an image a column.
    pub images: Vec<String>,
}

impl Page {
    /// The page as HTML.
    ///
    /// # Errors
    ///
    /// A template that cannot be filled in.
    pub fn html(&self) -> Result<String, RunError> {
        self.render().map_err(|error| RunError::Drawing {
            what: "the report",
            reason: error.to_string(),
        })
    }
}
