use super::*;

fn how_an_edit_ran_is_read_back_as_it_was_booked() {
    let mut book = Book::new(None);
    for unchanged_outside_mask in [Some(true), Some(false), None] {
        let edit = EditRecord { steps_run: 5, sigma_ppm: 833_333, edited_pixels: 80, unchanged_outside_mask };
        let id = book.settled(Some(edit), None);
        assert_eq!(book.ledger.settled(id).expect("read").expect("it is there").edit, Some(edit));
        let answered = book.ledger.stored_request(id, book.key).expect("read").expect("it is there");
        assert_eq!(answered.edit, Some(edit));
    }
}

on_both!(how_an_edit_ran_is_read_back_as_it_was_booked,);
