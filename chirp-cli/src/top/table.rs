use crate::text;

/// A table whose columns are as wide as their longest cell.
#[derive(Debug)]
pub(crate) struct Table {
    /// The titles, and whether cells are text, which is aligned to the left.
    columns: Vec<(&'static str, bool)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Creates a table. A title that begins with `<` is of a column of text.
    pub(crate) fn new(titles: &[&'static str]) -> Self {
        let columns = titles.iter().map(|title| match title.strip_prefix('<') {
            Some(title) => (title, true),
            None => (*title, false),
        });
        Self {
            columns: columns.collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: &[String]) {
        // Names and addresses come from the other side.
        self.rows
            .push(cells.iter().map(|cell| text::one_line(cell)).collect());
    }

    /// Returns the lines, the titles first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let titles: Vec<_> = self
            .columns
            .iter()
            .map(|(title, _)| (*title).to_owned())
            .collect();
        let rows = || std::iter::once(&titles).chain(&self.rows);
        let widths: Vec<_> = (0..self.columns.len())
            .map(|column| rows().map(|row| row[column].chars().count()).max())
            .map(|width| width.unwrap_or(0))
            .collect();
        let lines = rows().map(|row| {
            let cells = row.iter().zip(&self.columns).zip(&widths);
            let cells: Vec<_> = cells
                .map(|((cell, (_, is_text)), &width)| {
                    if *is_text {
                        format!("{cell:<width$}")
                    } else {
                        format!("{cell:>width$}")
                    }
                })
                .collect();
            cells.join("  ").trim_end().to_owned()
        });
        lines.collect()
    }
}
