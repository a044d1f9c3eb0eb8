use comfy_table::{CellAlignment, ContentArrangement, Table, presets::NOTHING};

use crate::domain::is_control;

/// A column's head, and how its cells stand below it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column<'a> {
    /// To the left.
    Text(&'a str),
    /// To the right.
    Number(&'a str),
}

/// Rows in columns as wide as their widest cell. On a terminal that is narrower, long cells go on in another line.
pub(super) fn table<const N: usize>(columns: [Column<'_>; N], rows: Vec<[String; N]>) -> String {
    let mut table = Table::new();
    table.set_header(columns.map(|column| match column {
        Column::Text(head) | Column::Number(head) => head,
    }));
    table.add_rows(rows.into_iter().map(|row| row.map(in_one_line)));
    table.set_content_arrangement(ContentArrangement::Dynamic);
    lay_out(&mut table, |index| matches!(columns[index], Column::Number(_)));
    table.trim_fmt() + "\n"
}

/// A cell as it can be shown: what earlier versions took into the books may have line breaks, which would look like rows, and
/// signs that a terminal obeys.
fn in_one_line(cell: String) -> String {
    if cell.chars().any(is_control) { cell.replace(is_control, "\u{fffd}") } else { cell }
}

/// Lines of a statement, with all cells but a row's first to the right.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let mut table = Table::new();
    table.add_rows(rows.iter().map(|row| row.clone().map(in_one_line)));
    lay_out(&mut table, |index| index > 0);
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// No lines, and two spaces between columns, of which those of numbers stand to the right.
fn lay_out(table: &mut Table, is_number: impl Fn(usize) -> bool) {
    table.load_style(NOTHING);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if is_number(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<[String; 2]> {
        [["摄影棚", "1"], ["studio", "12"], ["é", "3"]].map(|row| row.map(String::from)).to_vec()
    }

    #[test]
    fn what_would_look_like_another_row_or_move_the_cursor_is_not_printed() {
        let forged = [["a\n 2  forged".to_owned(), "\u{1b}[31m\u{202e}1".to_owned()]];
        let shown = "a\u{fffd} 2  forged  \u{fffd}[31m\u{fffd}1";
        assert_eq!(
            table([Column::Text("NAME"), Column::Text("N")], forged.to_vec()).lines().next_back(),
            Some(shown)
        );
        assert_eq!(aligned(&forged), [shown]);
    }

    #[test]
    fn columns_stand_below_each_other_in_any_script() {
        let text = table([Column::Text("NAME"), Column::Text("N")], rows());
        assert_eq!(text, "NAME    N\n摄影棚  1\nstudio  12\né       3\n");
        let text = table([Column::Text("NAME"), Column::Number("N")], rows());
        assert_eq!(text, "NAME     N\n摄影棚   1\nstudio  12\né        3\n");
        assert_eq!(aligned(&rows()), ["摄影棚   1", "studio  12", "é        3"]);
    }
}
