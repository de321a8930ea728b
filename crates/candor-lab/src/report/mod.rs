//! Self-contained pages: pictures are inline, nothing is loaded from anywhere.

mod charts;
mod heatmap;
mod model_card;
mod page;
mod results;
mod table;

pub use charts::{LineSeries, ScatterPoint, line_chart, matrix_chart, scatter_chart};
pub use heatmap::{attribution_image, grey_image};
pub use model_card::ModelCard;
pub use page::{Figure, Grid, GridRow, Page, Section, TextTable};
pub use results::Check;
pub use table::{Better, Table};
