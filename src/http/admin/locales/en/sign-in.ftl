sign-in = Sign in
sign-in-title = Sign in
sign-in-secret = Password, or a key with the admin scope
sign-in-link-ready = This link signs you in once. It is used up when you press the button.
sign-in-help = How do I get in?
sign-in-help-link = On the server, run `tintype admin link` and open what it prints. The link works once, within 15 minutes. As long as no password is set, the server also prints one when it starts.
sign-in-help-password = Set a password with `tintype admin password`. There is none to begin with.
sign-in-help-key = Any API key with the admin scope works too. Make one with `tintype key create --admin`.
sign-in-wrong-key = This key is not valid. Check that all of it was pasted.
sign-in-no-scope = This key has no admin scope. Make one with `tintype key create --admin`.
sign-in-wrong-password = This is not the password.
sign-in-no-password = No password is set. Set one with `tintype admin password`, or sign in with a key or a link.
sign-in-wrong-link = This link has been used or has expired. Make another with `tintype admin link`.
sign-in-too-many = Too many attempts. Try again in { $seconds ->
    [one] { $seconds } second
   *[other] { $seconds } seconds
}.

sessions-count = { $count ->
    [one] { $count } session is open.
   *[other] { $count } sessions are open.
}
sessions-end = Sign out
sessions-end-all = Sign out everywhere
sessions-browser = Browser
sessions-opened = Signed in
sessions-seen = Last used
sessions-this = this one
sessions-with-key = with the key { $key }
sessions-with-password = with the password
sessions-with-link = with a link
