# /admin/gallery
gallery-kept = { $days ->
    [one] Images are kept for { $days } day (pictures.keep_days).
   *[other] Images are kept for { $days } days (pictures.keep_days).
}
gallery-prompts-kept = Prompts are kept as long as their images (pictures.keep_prompts).
gallery-prompts-not-kept = Prompts are not stored.
gallery-stars-kept = Favourites are kept until somebody deletes them (pictures.keep_favourites).
gallery-stars-not-kept = Favourites are kept no longer than other images.
gallery-own = Only images of your own key are shown here.
gallery-none = No images are kept yet. An image is kept if its request asks for a link, has an Idempotency-Key, or says keep. In the playground, turn on “Keep on the server too”.
gallery-none-found = No kept image matches.
gallery-download-all = Download all of this page
gallery-download-chosen = Download the chosen ones
gallery-download = Download
gallery-receipt = Receipt
gallery-delete = Delete
gallery-delete-ask = Delete this image? It cannot be brought back. What it cost stays in the books.
gallery-choose = Choose this image
gallery-seed = Seed
gallery-steps = Steps
gallery-previous = Previous image
gallery-next = Next image
gallery-zoom = Full size
gallery-close = Close
gallery-favourite = Favourite
gallery-job = Job
gallery-again-prompt = Re-use prompt
gallery-again-seed = Re-use seed
gallery-again-all = Re-use all
gallery-edit = Edit this
