# /admin/purchases
purchases-title = Bought elsewhere
purchases-what = Images that this server bought, or tried to buy, while it was too busy. In doubt: it is not known yet whether the seller charged for them. Look at the seller’s bill, and record what it says.
purchases-none = Nothing was bought.
purchases-when = When
purchases-seller = Seller
purchases-images = Images
purchases-paid = Paid, or possibly paid
purchases-state = State
purchases-open = being asked
purchases-bought = bought
purchases-refused = refused, not paid
purchases-doubtful = in doubt
purchases-not-paid = was in doubt: not paid
purchases-lost = was in doubt: paid, and no image came
purchases-resolve = Record what the bill says
purchases-resolve-title = Resolve a purchase in doubt
purchases-resolve-what = { $count ->
    [one] One image from { $seller }, booked as { $paid } ({ $list }).
   *[other] { $count } images from { $seller }, booked as { $paid } ({ $list }).
}
purchases-back = All purchases
purchases-form-not-paid = It was not charged
purchases-form-paid = It was charged
purchases-form-amount = Total on the bill for these images, in { $currency }
purchases-form-note = Evidence, such as the number of the bill
purchases-form-sure = This is booked in the current month, and cannot be changed or undone.
purchases-form-record = Record
purchases-bad-finding = Choose whether it was charged.
purchases-bad-amount = Write the amount on the bill, above 0, such as 0.05. If it was not charged, choose that instead.
purchases-bad-note = The evidence has at most 500 characters, and no line breaks.
purchases-resolved-already = This purchase is resolved already, and what was recorded cannot be changed.
purchases-not-in-doubt = This purchase is not in doubt, so there is nothing to resolve.
