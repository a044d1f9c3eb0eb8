sign-in = Sign in
sign-in-title = Sign in
sign-in-kept = You were signed out. What you typed is kept, and will be in its form again once you sign in here.
sign-in-secret = Password, or an API key
sign-in-link-ready = This link signs you in once. It is used up when you press the button.
sign-in-help = How do I get in?
sign-in-help-link = On the server, run `tintype admin link` and open the link that it prints. The link works once, within 15 minutes. If no password is set, the server also prints a link when it starts.
sign-in-help-password = Set a password with `tintype admin password`. No password is set at first.
sign-in-help-key = An API key works too. With the costs or admin scope it opens these pages (`tintype key create --admin`); with images alone, its own images.
sign-in-wrong-key = This key is not valid. Check that all of it was pasted.
sign-in-no-scope = This key has no scope. Create another one with `tintype key create --admin`.
sign-in-wrong-password = Wrong password.
sign-in-no-password = No password is set. Set one with `tintype admin password`, or sign in with a key or a link.
sign-in-wrong-link = This link has been used or has expired. Create another with `tintype admin link`.
sign-in-too-many = Too many passwords tried. Try again in { $seconds ->
    [one] { $seconds } second
   *[other] { $seconds } seconds
}, or sign in with a link or a key.

sessions-count = { $count ->
    [one] { $count } session is open.
   *[other] { $count } sessions are open.
}
sessions-end = Sign out
sessions-end-all = Sign out everywhere
sessions-end-all-ask = Sign out every browser, this one too?
sessions-browser = Browser
sessions-opened = Signed in
sessions-seen = Last used
sessions-this = this one
sessions-with-key = with the key { $key }
sessions-with-password = with the password
sessions-with-link = with a link
