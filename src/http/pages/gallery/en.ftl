# /admin/gallery
gallery-kept = { $days ->
    [one] Images are kept for { $days } day (pictures.keep_days). Prompts are not stored.
   *[other] Images are kept for { $days } days (pictures.keep_days). Prompts are not stored.
}
gallery-none = No image is kept. Images that are sent as links are, and those of requests with an Idempotency-Key.
gallery-none-found = No kept image matches.
gallery-download-all = Download all of this page
gallery-download-chosen = Download the chosen ones
gallery-download = Download
gallery-receipt = Receipt
gallery-delete = Delete
gallery-choose = Choose this image
gallery-seed = Seed
gallery-steps = Steps
gallery-previous = Previous image
gallery-next = Next image
gallery-zoom = Full size
gallery-close = Close
