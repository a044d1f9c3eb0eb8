/// Bytes that are taken at one time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    /// Of every place.
    pub(super) place: usize,
    /// Of every place of the band that is in work.
    pub(super) band_place: usize,
    /// Places of a band, at most.
    pub(super) band_places: usize,
}

impl Taken {
    /// Of every place, and of no band.
    pub(super) fn of(place: usize) -> Self {
        Self { place, ..Self::default() }
    }

    /// Beside maps of `place` bytes a place.
    pub(super) fn beside(self, place: usize) -> Self {
        Self { place: self.place + place, ..self }
    }

    /// Of a map of `places` places.
    pub(super) fn bytes(self, places: usize) -> usize {
        places * self.place + places.min(self.band_places) * self.band_place
    }

    /// The places of the largest map that fits into `room` bytes. A place takes something.
    pub(super) fn places_in(self, room: usize) -> usize {
        let one_band = room / (self.place + self.band_place);
        let many = room.saturating_sub(self.band_places * self.band_place) / self.place;
        one_band.max(many)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_map_of_a_room_fits_and_the_next_does_not() {
        let in_bands = Taken { place: 7, band_place: 100, band_places: 30 };
        for taken in [in_bands, in_bands.beside(12), Taken::of(3)] {
            for room in 0..20_000 {
                let places = taken.places_in(room);
                assert!(
                    taken.bytes(places) <= room && room < taken.bytes(places + 1),
                    "{taken:?} {room}: {places}"
                );
            }
        }
    }
}
