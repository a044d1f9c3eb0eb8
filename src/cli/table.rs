use unicode_width::UnicodeWidthStr;

/// Rows in columns as wide as their widest cell.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let widths = widths(rows);
    let line = |row: &[String; N]| {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| left(cell, width)).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// The same as lines, with all cells but a row's first to the right: numbers.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let widths = widths(rows);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
            0 => left(cell, width),
            _ => right(cell, width),
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    rows.iter().map(line).collect()
}

fn widths<const N: usize>(rows: &[[String; N]]) -> [usize; N] {
    std::array::from_fn(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or(0))
}

/// Padded to `width` columns of a terminal, of which a Chinese character takes two.
fn left(cell: &str, width: usize) -> String {
    cell.to_owned() + &" ".repeat(width.saturating_sub(cell.width()))
}

fn right(cell: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(cell.width())) + cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_in_any_script() {
        let rows = [["摄影棚", "1"], ["studio", "12"], ["é", "3"]].map(|row| row.map(String::from));
        assert_eq!(table(&rows), "摄影棚  1\nstudio  12\né       3\n");
        assert_eq!(aligned(&rows), ["摄影棚   1", "studio  12", "é        3"]);
    }
}
