# The playground.
playground-title = Playground
playground-no-script = This page paints with JavaScript, which is switched off here. Nothing is lost: with your key in TINTYPE_KEY, a terminal paints just as well.
playground-example = A red apple on a blue background

playground-key = Your API key
playground-key-use = Use it
playground-key-hint = It stays in this tab until you close it, and goes to this server only.
playground-key-held = Key { $name }
playground-key-forget = Forget it

playground-settings = What to paint
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
playground-size-hint = Multiples of { $factor }, { $pixels } pixels at most in all.
playground-quality = Quality
playground-quality-steps = { $steps ->
    [one] { $quality } · { $steps } step
   *[other] { $quality } · { $steps } steps
}
playground-count = Pictures
playground-format = Format
playground-seed = Seed
playground-seed-hint = The same seed and settings paint the same picture. Unless locked, each picture gets a new seed.
playground-dice = Roll a new seed
playground-lock = Keep this seed
playground-more = More settings
playground-steps = Steps
playground-by-quality = { $steps }, by quality
playground-guidance = Guidance
playground-guidance-hint = Above 0 a picture takes twice the time, and a negative prompt has an effect. Turbo models want 0.
playground-negative = Negative prompt
playground-preview = Show the picture while it paints
playground-preview-hint = The looks on the way take a little time and energy. Without them, several pictures are one request.
playground-paint = Paint
playground-stop = Stop
playground-quote-one = About { $seconds } · { $energy } · { $money }
playground-quote-over = over budget
playground-quote-all = { $count } pictures: about { $seconds } · { $energy } · { $money }
playground-measured = measured
playground-sampled = sampled
playground-estimated = estimated

playground-pictures = Pictures of this tab
playground-empty = Your pictures appear here, each with what it cost.
playground-kept = The pictures are in this tab only. Save those that you want to keep before you close it.
playground-progress = Progress
playground-wait = Waiting for the device
playground-wait-place = Waiting: { $position } before this one, about { $seconds }
playground-painting = Painting
playground-painting-left = Painting, about { $seconds } left
playground-looking = Look { $number } of { $count } on the way
playground-of = Picture { $number } of { $count }. { $what }
playground-done = Done: { $money } in { $seconds }.
playground-done-all = Done: { $count } pictures for { $money }.
playground-stopped = Stopped.
playground-alt-preview = On its way: { $prompt }
playground-warning = The server says: { $warning }

playground-cost = Cost
playground-saved = Saved against { $service }
playground-lost = Lost against { $service }
playground-energy = Energy
playground-time = Time
playground-seconds = { $seconds } s
playground-receipt = Receipt
playground-electricity = Electricity
playground-depreciation = Depreciation
playground-upkeep = Upkeep
playground-compared = List price elsewhere
playground-request = Request
playground-receipt-json = As JSON
playground-receipt-save = Save
playground-close = Close
playground-save = Save
playground-reuse = Use these settings
playground-made-steps = steps: { $steps }
playground-reused = The settings and the seed { $seed } are in the form.

playground-code = The same by program
playground-code-language = Language
playground-code-hint = Exactly what the form says. The key comes from the environment: `export TINTYPE_KEY=tt-…`
playground-copy = Copy
playground-copied = Copied.
playground-not-copied = The browser does not let this page copy. The text is selected: press Ctrl+C.

playground-no-prompt = Say what to paint.
playground-no-key = Enter your API key first.
playground-bad-side = A side is a multiple of { $factor }, at most { $side }.
playground-bad-pixels = This is too large: { $pixels } pixels at most in all.
playground-error-key = The server does not accept this key. Check that all of it was pasted, or ask for a new one.
playground-error-scope = This key may not paint here. Ask for one with the images scope.
playground-error-budget = The budget does not reach for this: { $left } is left. It begins anew at { $when }.
playground-error-budget-used = The budget does not reach for this.
playground-error-rate = That was too much at once for this key. Try again in { $seconds }.
playground-error-busy = The server is busy. Try again in { $seconds }.
playground-error-refused = The server does not take this as it is.
playground-error-server = Something went wrong on the server. Its log says why.
playground-error-network = The server cannot be reached. Check the connection and try again.
playground-error-cut-off = The connection broke off before the picture was done. Try again.
