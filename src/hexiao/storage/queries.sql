-- Every query: a name and one line of why. `:name` is a parameter; `{in:name}` is one of a list
-- of ids; `{keys:name(types)}` a list of keys as rows k(a, b, c), and `{probe:t}table t WHERE …{end:t}` what
-- a table has for each of them. `{again:column(name, type)}` says what follows from the rest, for who does not see that by
-- himself: the column is one of these ids, or of the first, second or third of the keys. Both engines run the same text.

-- name: requests
-- What was answered to these request ids.
SELECT id, fingerprint, answer FROM request WHERE id {in:ids(text)}

-- name: edition
-- Raised by every change of a merchant, shop, cashier or scheme: what is kept of them holds as long as it stands.
SELECT coalesce((SELECT last FROM node WHERE name = 'records'), 0)

-- name: coupons_by_code
SELECT {coupon} FROM coupon WHERE id {ids:begin}SELECT c.coupon_id
FROM {keys:keys(bigint, text)} k CROSS JOIN {probe:c}coupon_code c WHERE c.merchant_id = k.a AND c.code = k.b{again:code(keys_b, text)}{end:c}{ids:end}

-- name: coupon_ids
-- From codes to coupons.
SELECT c.merchant_id, c.code, c.coupon_id
FROM {keys:keys(bigint, text)} k CROSS JOIN {probe:c}coupon_code c WHERE c.merchant_id = k.a AND c.code = k.b{again:code(keys_b, text)}{end:c}

-- name: redemptions_by_id
-- The redemptions that a capture, release or reversal names.
SELECT {redemption} FROM redemption WHERE id {in:ids}

-- name: coupons_by_id
SELECT {coupon} FROM coupon WHERE id {in:ids}

-- name: holds_of_coupons
-- Who holds a coupon that can be used once.
SELECT {redemption} FROM redemption WHERE coupon_id {in:ids} AND state = 1

-- name: first_holds
-- Of coupons that can be used often: the holds that are over, which are to be written down, and who holds them next.
SELECT {redemption} FROM {keys:keys(bigint)} k CROSS JOIN {probe:r}redemption r WHERE r.coupon_id = k.a AND r.state = 1
AND r.kind IN (4, 5) AND r.held_until_at <= coalesce((
    SELECT f.held_until_at FROM redemption f WHERE f.coupon_id = k.a AND f.state = 1 AND f.kind IN (4, 5)
    AND f.held_until_at > :now ORDER BY f.held_until_at LIMIT 1 OFFSET :first - 1), 9223372036854775807){end:r}

-- name: captures_of_coupons
-- Who has a coupon that can be used once.
SELECT {redemption} FROM redemption WHERE coupon_id {in:ids} AND state = 2

-- name: latest_captures
-- Where coupons that can be used often were used last; and before that, for when the latest is undone.
SELECT {redemption} FROM {keys:keys(bigint)} k CROSS JOIN {probe:r}redemption r WHERE r.coupon_id = k.a AND r.state = 2
AND r.kind IN (4, 5) AND r.captured_at >= coalesce((
    SELECT l.captured_at FROM redemption l WHERE l.coupon_id = k.a AND l.state = 2 AND l.kind IN (4, 5)
    ORDER BY l.captured_at DESC LIMIT 1 OFFSET :latest - 1), 0){end:r}

-- name: captors
-- Who captured these redemptions of these coupons: a hold may have been made by somebody else, or by nobody.
SELECT j.redemption_id, j.cashier_id FROM {keys:keys(bigint, bigint)} k CROSS JOIN {probe:j}journal j
WHERE j.coupon_id = k.a AND j.redemption_id = k.b AND j.entry = 'capture' AND j.cashier_id IS NOT NULL{again:coupon_id(keys_a)}{end:j}

-- name: bills
-- Bills that somebody has used a coupon on before.
SELECT b.merchant_id, b.shop_id, b.number, b.seq FROM {keys:keys(bigint, bigint, text)} k CROSS JOIN {probe:b}bill b
WHERE b.merchant_id = k.a AND b.shop_id = k.b AND b.number = k.c{again:number(keys_c, text)}{end:b}

-- name: live_of_bills
-- What is already off these bills.
SELECT {redemption} FROM {keys:keys(bigint, bigint, text)} k CROSS JOIN {probe:r}redemption r
WHERE r.merchant_id = k.a AND r.shop_id = k.b AND r.bill_number = k.c AND r.state IN (1, 2){end:r}

-- name: scheme_ids
SELECT s.merchant_id, s.number, s.id, s.kind FROM {keys:keys(bigint, text)} k CROSS JOIN {probe:s}scheme s
WHERE s.merchant_id = k.a AND s.number = k.b{end:s}

-- name: schemes_by_id
SELECT {scheme} FROM scheme WHERE id {in:ids}

-- name: scheme_versions
SELECT v.scheme_id, v.version, v.name, v.description, v.terms, v.benefit FROM {keys:keys(bigint, integer)} k CROSS JOIN {probe:v}scheme_version v
WHERE v.scheme_id = k.a AND v.version = k.b{end:v}

-- name: scheme_counts
SELECT scheme_id, sum(issued), sum(captured_uses), sum(held_fen), sum(captured_fen)
FROM scheme_count WHERE scheme_id {in:ids} GROUP BY scheme_id

-- name: receipts
-- How many coupons of a scheme these members have received.
SELECT r.scheme_id, r.member_id, r.received FROM {keys:keys(bigint, bigint)} k CROSS JOIN {probe:r}receipt_count r
WHERE r.scheme_id = k.a AND r.member_id = k.b{again:scheme_id(keys_a)}{end:r}

-- name: merchants_by_id
SELECT {merchant} FROM merchant WHERE id {in:ids}

-- name: shops_by_id
SELECT {shop} FROM shop WHERE id {in:ids}

-- name: cashiers_by_id
SELECT {cashier} FROM cashier WHERE id {in:ids}

-- name: members_by_id
SELECT {member} FROM member WHERE id {in:ids}

-- name: items_by_id
SELECT {item} FROM item WHERE id {in:ids}

-- name: items_by_key
SELECT {item} FROM {keys:keys(bigint, text)} k CROSS JOIN {probe:i}item i WHERE i.merchant_id = k.a AND i.sku = k.b{end:i}

-- name: credentials_by_id
SELECT {credential} FROM credential WHERE id {in:ids}

-- name: credentials_by_key
SELECT {credential} FROM {keys:keys(text, text)} k CROSS JOIN {probe:c}credential c WHERE c.door = k.a AND c.public_id = k.b{end:c}

-- name: credentials_of
SELECT {credential} FROM credential WHERE merchant_id = :merchant_id AND door = :door ORDER BY id

-- name: one_sealed_credential
-- Any credential with secrets: to find out at the start whether the master key fits.
SELECT {credential} FROM credential WHERE length(sealed) > 0 AND revoked_at IS NULL LIMIT 1

-- name: journal_of
SELECT {journal} FROM journal WHERE coupon_id = :coupon_id ORDER BY seq

-- name: block_at
SELECT {block} FROM block WHERE lane = :lane AND height = :height

-- name: headers_of
-- What the hashes of consecutive blocks cover, without their leaves.
SELECT lane, height, at, entries, root, previous FROM block
WHERE lane = :lane AND height BETWEEN :first AND :last ORDER BY height

-- name: due_holds
-- Holds past their deadline that nobody has written down yet. No more of them than is needed to ask that they lapse.
SELECT merchant_id, id FROM redemption WHERE state = 1 AND held_until_at <= :now ORDER BY held_until_at, id LIMIT :limit

-- name: latest_schemes
SELECT id FROM scheme WHERE merchant_id = :merchant_id
AND (created_at < :at OR (created_at = :at AND id < :id)) ORDER BY created_at DESC, id DESC LIMIT :limit

-- name: shops_of
SELECT {shop} FROM shop WHERE merchant_id = :merchant_id AND id > :after_id ORDER BY id LIMIT :limit

-- name: cashiers_of
SELECT {cashier} FROM cashier WHERE merchant_id = :merchant_id AND id > :after_id ORDER BY id LIMIT :limit

-- name: members_of
SELECT {member} FROM member WHERE +merchant_id = :merchant_id AND id > :after_id ORDER BY id LIMIT :limit

-- name: items_of
SELECT {item} FROM item WHERE +merchant_id = :merchant_id AND id > :after_id ORDER BY id LIMIT :limit

-- name: take_node
-- Every server start takes the next number; it keeps the ids of two processes apart.
UPDATE node SET last = last + 1 WHERE name = 'start' RETURNING last

-- name: take_lane
-- For who lost sight of the end of his lane. Starts take few numbers, or their ids would meet; losses may take many.
INSERT INTO node (name, last) VALUES ('lane', 1000000000)
ON CONFLICT (name) DO UPDATE SET last = node.last + 1 RETURNING last

-- name: confirm
-- Changes nothing but must be committed: the standby that this COMMIT waits for has all that was committed before.
UPDATE node SET last = last WHERE name = 'start'

-- name: forget
-- Remembered answers that are older than anybody may still ask for; a portion at a time, by the index of their time.
DELETE FROM request WHERE id IN (SELECT id FROM request WHERE at < :before ORDER BY at LIMIT :limit)

-- name: tallied
-- Up to which moment the tallies of a shop are sound, and their guard.
SELECT sound_until_at, seq FROM tallied WHERE shop_id = :shop_id

-- name: tally_edges
-- The end of the last stretch that is sound, and of the last there is.
SELECT (SELECT max(until_at) FROM tally
    WHERE shop_id = :shop_id AND facet = 0 AND value = 0 AND until_at <= :sound_until_at),
    (SELECT max(until_at) FROM tally WHERE shop_id = :shop_id AND facet = 0 AND value = 0)

-- name: untallied
-- The next stretches of a shop's past. Redemptions of one millisecond have one rank, so no stretch parts them.
SELECT stretch, kind, scheme_id, count(*), min(created_at) FROM (
    SELECT created_at, kind, scheme_id, (rank() OVER (ORDER BY created_at) - 1) / :stretch_rows AS stretch FROM (
        SELECT created_at, kind, scheme_id FROM redemption
        WHERE shop_id = :shop_id AND created_at >= :from_at AND created_at < :until_at ORDER BY created_at, id LIMIT :most
    ) n
) s GROUP BY stretch, kind, scheme_id ORDER BY stretch

-- name: so_far
-- What the tallies of a shop said at an edge, for each (facet, value).
SELECT k.a, k.b, (
    SELECT t.so_far FROM tally t WHERE t.shop_id = :shop_id AND t.facet = k.a AND t.value = k.b AND t.until_at <= :edge_at
    ORDER BY t.until_at DESC LIMIT 1)
FROM {keys:keys(integer, bigint)} k

-- name: shop_ids
SELECT id FROM shop ORDER BY id
