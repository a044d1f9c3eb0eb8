# /admin/purchases
purchases-title = Bought elsewhere
purchases-what = Images that were bought, or were to be, because there was no room here. In doubt: nobody knows yet whether it was paid for. Look at the seller's bill, and record what it says.
purchases-none = Nothing was bought.
purchases-when = When
purchases-seller = Seller
purchases-images = Images
purchases-paid = Paid, or perhaps
purchases-state = State
purchases-open = being asked
purchases-bought = bought
purchases-refused = refused, not paid
purchases-doubtful = in doubt
purchases-not-paid = was in doubt: not paid
purchases-lost = was in doubt: paid, and no image came
purchases-resolve = Record what was found out
purchases-resolve-title = What was found out about a purchase in doubt
purchases-resolve-what = { $count ->
    [one] One image from { $seller }, booked as { $paid } ({ $list }).
   *[other] { $count } images from { $seller }, booked as { $paid } ({ $list }).
}
purchases-back = All purchases
purchases-form-not-paid = It was not charged
purchases-form-paid = It was charged
purchases-form-amount = What the bill says for all its images, in { $currency }
purchases-form-note = How that is known: a bill's number
purchases-form-sure = The finding is booked in this month, and can neither be changed nor taken back.
purchases-form-record = Record it
