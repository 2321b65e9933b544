-- A bill is found by its number alone, too: whoever holds a receipt need not know the shop. In the order of before, all
-- bills of a merchant were read for it.
-- depends: 0005.entries-in-order-of-making

DROP INDEX redemption_bill;
CREATE INDEX redemption_bill ON redemption (merchant_id, bill_number, shop_id);
