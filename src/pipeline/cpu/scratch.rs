use std::cell::Cell;

thread_local! {
    static NUMBERS: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Lends `count` numbers of this thread's to `work`, with whatever was left in them: fresh memory costs more than much of
/// what is done in it.
pub(super) fn with_scratch<R>(count: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut numbers = NUMBERS.take();
    if numbers.len() < count {
        numbers.resize(count, 0.0);
    }
    let done = work(&mut numbers[..count]);
    NUMBERS.set(numbers);
    done
}
