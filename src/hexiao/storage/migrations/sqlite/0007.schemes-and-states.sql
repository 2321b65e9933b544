-- Who looks back on a campaign asks for its redemptions in all shops, and who clears up asks for those that were undone:
-- both were looked for among all redemptions of the merchant. A redemption that is captured at once costs the second
-- index nothing.
-- depends: 0006.bills-of-all-shops

CREATE INDEX redemption_scheme ON redemption (scheme_id, created_at, id);
CREATE INDEX redemption_uncaptured ON redemption (merchant_id, created_at, id, shop_id, state) WHERE state <> 2;
