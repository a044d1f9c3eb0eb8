# The playground.
playground-title = Playground
playground-no-script = This page needs JavaScript, which is switched off in this browser. You can also generate images in a terminal, with your key in TINTYPE_KEY:
playground-example = A red apple on a blue background

playground-key = Your API key
playground-key-use = Use key
playground-key-hint = The key stays in this tab until you close it, and is sent to this server only.
playground-key-held = Key { $name }
playground-key-forget = Remove key

playground-settings = What to generate
playground-prompt = Prompt
playground-size = Size
playground-square = Square
playground-landscape = Landscape
playground-portrait = Portrait
playground-wide = Wide
playground-tall = Tall
playground-custom = Custom
playground-width = Width
playground-height = Height
playground-size-hint = Multiples of { $factor }, at most { $pixels } pixels in total.
playground-quality = Quality
playground-quality-steps = { $steps ->
    [one] { $quality } · { $steps } step
   *[other] { $quality } · { $steps } steps
}
playground-count = Images
playground-format = Format
playground-seed = Seed
playground-seed-hint = The same seed and settings give the same image. Unless locked, each image gets a new seed.
playground-dice = New seed
playground-lock = Keep this seed
playground-more = More settings
playground-steps = Steps
playground-by-quality = { $steps }, by quality
playground-guidance = Guidance
playground-guidance-hint = Above 0, an image takes twice the time, and the negative prompt takes effect. Turbo models work best at 0.
playground-negative = Negative prompt
playground-preview = Show previews while generating
playground-preview-hint = Previews cost a little time and energy. Turn them off to send all images as one request.
playground-paint = Generate
playground-stop = Stop
playground-quote-one = About { $seconds } · { $energy } · { $money }
playground-quote-over = over budget
playground-quote-all = { $count } images: about { $seconds } · { $energy } · { $money }
playground-measured = measured
playground-sampled = sampled
playground-estimated = estimated

playground-pictures = Images
playground-empty = Your images appear here, each with its cost.
playground-kept = The newest 200 images are kept in this browser, on this device. Nobody else sees them here.
playground-not-kept = This browser keeps no images. Save the images that you want to keep before you close the page.
playground-show-more = Show older images ({ $count })
playground-delete = Delete
playground-delete-all = Delete all
playground-delete-one = Delete this image?
playground-delete-these = Delete images of this browser: { $count }?
playground-delete-note = It is removed from this browser, for good. The cost stays in the ledger.
playground-cancel = Cancel
playground-deleted = Deleted: { $count }.
playground-progress = Progress
playground-wait = Waiting for the device
playground-wait-place = Waiting: { $position } ahead, about { $seconds }
playground-painting = Generating
playground-painting-left = Generating, about { $seconds } left
playground-looking = Preview { $number } of { $count }
playground-of = Image { $number } of { $count }. { $what }
playground-done = Done: { $money } in { $seconds }.
playground-done-all = Done: { $count } images for { $money }.
playground-stopped = Stopped.
playground-alt-preview = Preview: { $prompt }
playground-warning = Warning from the server: { $warning }

playground-cost = Cost
playground-saved = Saved, compared with { $service }
playground-lost = Lost, compared with { $service }
playground-energy = Energy
playground-time = Time
playground-seconds = { $seconds } s
playground-receipt = Receipt
playground-electricity = Electricity
playground-depreciation = Depreciation
playground-upkeep = Upkeep
playground-compared = List price elsewhere
playground-request = Request
playground-receipt-json = Show JSON
playground-receipt-save = Save
playground-close = Close
playground-save = Save
playground-reuse = Use these settings
playground-made-steps = steps: { $steps }
playground-reused = The form now has these settings and the seed { $seed }.

playground-code = The same as code
playground-code-language = Language
playground-code-hint = This code does what the form does. It reads the key from the environment: `export TINTYPE_KEY=tt-…`
playground-copy = Copy
playground-copied = Copied.
playground-not-copied = The browser does not let this page copy. The text is selected: press Ctrl+C.

playground-no-prompt = Write a prompt first.
playground-no-key = Enter your API key first.
playground-bad-side = A side must be a multiple of { $factor }, at most { $side }.
playground-bad-pixels = This size is too large: at most { $pixels } pixels in total.
playground-error-key = The server does not accept this key. Check that all of it was pasted, or ask for a new key.
playground-error-scope = This key may not generate images. Ask for a key with the images scope.
playground-error-budget = Over budget: { $left } left. Resets on { $when }.
playground-error-budget-used = Over budget.
playground-error-rate = Too many requests with this key. Try again in { $seconds }.
playground-error-busy = The server is busy. Try again in { $seconds }.
playground-error-refused = The server rejected this request.
playground-error-server = Something went wrong on the server. Its log says why.
playground-error-network = Cannot reach the server. Check the connection and try again.
playground-error-cut-off = The connection broke before the image was done. Try again.
