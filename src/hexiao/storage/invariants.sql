-- What must always hold; each query returns the rows that break it, so no row is good news. Portable SQL only.
-- I16 (outbox) has no table here yet. Of the chain, only what SQL can count: `hexiao verify --chain` does the hashes.

-- name: I1 value never exceeds the face nor goes negative
SELECT id AS coupon_id FROM coupon
WHERE held_fen < 0 OR captured_fen < 0 OR (face_fen IS NOT NULL AND held_fen + captured_fen > face_fen)

-- name: I2 balance equals redemptions
SELECT c.id AS coupon_id FROM coupon c LEFT JOIN (
    SELECT coupon_id, sum(CASE WHEN state = 1 THEN held_fen ELSE 0 END) h, sum(captured_fen - reversed_fen) k,
        sum(CASE WHEN state = 1 THEN 1 ELSE 0 END) hu, sum(CASE WHEN state = 2 THEN 1 ELSE 0 END) cu
    FROM redemption GROUP BY coupon_id) r ON r.coupon_id = c.id
WHERE c.held_fen <> coalesce(r.h, 0) OR c.captured_fen <> coalesce(r.k, 0)
    OR c.held_uses <> coalesce(r.hu, 0) OR c.captured_uses <> coalesce(r.cu, 0)

-- name: I3 balance equals journal, and the journal has no gap
SELECT c.id AS coupon_id FROM coupon c LEFT JOIN (
    SELECT coupon_id, sum(d_held_fen) h, sum(d_captured_fen) k, sum(d_held_uses) hu, sum(d_captured_uses) cu,
        count(*) n, max(seq) m
    FROM journal GROUP BY coupon_id) j ON j.coupon_id = c.id
WHERE c.held_fen <> coalesce(j.h, 0) OR c.captured_fen <> coalesce(j.k, 0) OR c.held_uses <> coalesce(j.hu, 0)
    OR c.captured_uses <> coalesce(j.cu, 0) OR c.seq <> coalesce(j.m, 0) OR coalesce(j.n, 0) <> coalesce(j.m, 0)

-- name: I4 a single-use coupon has at most one live use
SELECT c.id AS coupon_id FROM coupon c JOIN (
    SELECT coupon_id, count(*) n FROM redemption WHERE state IN (1, 2) GROUP BY coupon_id) r ON r.coupon_id = c.id
WHERE c.uses_max = 1 AND r.n > 1

-- name: I5 each redemption has exactly the journal rows of its state
SELECT r.coupon_id, r.id AS redemption_id FROM redemption r LEFT JOIN (
    SELECT coupon_id, redemption_id, sum(CASE WHEN entry = 'hold' THEN 1 ELSE 0 END) h,
        sum(CASE WHEN entry = 'capture' THEN 1 ELSE 0 END) cap,
        sum(CASE WHEN entry IN ('release', 'lapse') THEN 1 ELSE 0 END) rel,
        sum(CASE WHEN entry = 'reverse' THEN -d_captured_fen ELSE 0 END) rev,
        sum(CASE WHEN entry = 'reverse' THEN 1 ELSE 0 END) parts
    FROM journal WHERE redemption_id IS NOT NULL GROUP BY coupon_id, redemption_id) j
    ON j.coupon_id = r.coupon_id AND j.redemption_id = r.id
WHERE coalesce(j.h, 0) > 1 OR (r.state IN (1, 3, 4) AND coalesce(j.h, 0) <> 1)
    OR coalesce(j.cap, 0) <> (CASE WHEN r.state IN (2, 5) THEN 1 ELSE 0 END)
    OR coalesce(j.rel, 0) <> (CASE WHEN r.state IN (3, 4) THEN 1 ELSE 0 END) OR coalesce(j.rev, 0) <> r.reversed_fen
    OR coalesce(j.parts, 0) <> r.reversals

-- name: I6 no journal row without its coupon and redemption
SELECT j.coupon_id, j.seq FROM journal j LEFT JOIN redemption r ON r.coupon_id = j.coupon_id AND r.id = j.redemption_id
LEFT JOIN coupon c ON c.id = j.coupon_id
WHERE c.id IS NULL OR (j.redemption_id IS NOT NULL AND r.id IS NULL)

-- name: I7 running balances chain, and time does not go back
SELECT j.coupon_id, j.seq FROM journal j JOIN journal p ON p.coupon_id = j.coupon_id AND p.seq = j.seq - 1
WHERE j.held_after_fen <> p.held_after_fen + j.d_held_fen
    OR j.captured_after_fen <> p.captured_after_fen + j.d_captured_fen OR j.at < p.at

-- name: I8 state and amounts fit
SELECT coupon_id, id AS redemption_id FROM redemption
WHERE held_fen <= 0 OR (state IN (1, 3, 4) AND (captured_fen <> 0 OR reversed_fen <> 0))
    OR (state = 2 AND (captured_fen <= 0 OR captured_fen > held_fen OR reversed_fen < 0 OR reversed_fen >= captured_fen))
    OR (state = 5 AND reversed_fen <> captured_fen) OR (state <> 1 AND settled_at IS NULL)
    OR (state = 1 AND (settled_at IS NOT NULL OR held_until_at IS NULL)) OR state NOT IN (1, 2, 3, 4, 5)

-- name: I9 scheme counts equal rows
SELECT scheme_id FROM (
    SELECT scheme_id, count(*) n, sum(captured_uses) u, sum(held_fen) h, sum(captured_fen) m
    FROM coupon GROUP BY scheme_id
    UNION ALL SELECT scheme_id, -sum(issued), -sum(captured_uses), -sum(held_fen), -sum(captured_fen)
    FROM scheme_count GROUP BY scheme_id) both_sides
GROUP BY scheme_id HAVING sum(n) <> 0 OR sum(u) <> 0 OR sum(h) <> 0 OR sum(m) <> 0

-- name: I10 one code for each coupon, one coupon for each code
SELECT c.id AS coupon_id FROM coupon c LEFT JOIN (
    SELECT coupon_id, count(*) n, min(code) code FROM coupon_code GROUP BY coupon_id) k ON k.coupon_id = c.id
WHERE coalesce(k.n, 0) <> 1 OR k.code <> c.code

-- name: I11 a remembered request has its answer
SELECT id AS request_id FROM request WHERE length(answer) = 0 OR length(fingerprint) <> 32

-- name: I12 one request uses a coupon on a bill once
-- But a released hold may be made anew, and after thirty days a request id is a new one.
SELECT request_id, coupon_id FROM redemption WHERE request_id <> '' AND state <> 3
GROUP BY request_id, coupon_id, shop_id, bill_number
HAVING count(*) > 1 + (max(created_at) - min(created_at)) / 2592000000

-- name: I13 a redemption's request has its remembered answer
SELECT r.coupon_id, r.id AS redemption_id FROM redemption r LEFT JOIN (SELECT id FROM request) q ON q.id = r.request_id
WHERE r.request_id <> '' AND r.created_at > :now - 2592000000 AND q.id IS NULL

-- name: I14 no hold outlives its deadline by more than the grace
SELECT coupon_id, id AS redemption_id FROM redemption WHERE state = 1 AND held_until_at < :now - 60000

-- name: I15 a coupon is held or redeemed within its validity
SELECT r.coupon_id, r.id AS redemption_id FROM redemption r JOIN coupon c ON c.id = r.coupon_id
WHERE r.created_at < c.valid_from_at OR r.created_at >= c.valid_until_at

-- name: I17 every journal row lies in a block, and every block has its number of rows
SELECT lane, height FROM (
    SELECT lane, height, count(*) found, 0 expected, 0 blocks FROM journal GROUP BY lane, height
    UNION ALL SELECT lane, height, 0, entries, 1 FROM block) both_sides
GROUP BY lane, height HAVING sum(blocks) <> 1 OR sum(found) <> sum(expected)

-- name: I18 every block names the one before it
SELECT b.lane, b.height FROM block b LEFT JOIN block p ON p.lane = b.lane AND p.height = b.height - 1
WHERE b.height <> 0 AND (p.lane IS NULL OR p.hash <> b.previous)

-- name: I19 uses never exceed their maximum
SELECT id AS coupon_id FROM coupon WHERE held_uses < 0 OR captured_uses < 0 OR held_uses + captured_uses > uses_max

-- name: I20 receipts by member are counted right
SELECT k.scheme_id, k.member_id FROM receipt_count k LEFT JOIN (
    SELECT scheme_id, member_id, count(*) n FROM coupon WHERE member_id IS NOT NULL GROUP BY scheme_id, member_id) c
    ON c.scheme_id = k.scheme_id AND c.member_id = k.member_id
WHERE k.received <> coalesce(c.n, 0)

-- name: I21 a coupon is live at most once on one bill
SELECT coupon_id, bill_number FROM redemption WHERE state IN (1, 2)
GROUP BY coupon_id, shop_id, bill_number HAVING count(*) > 1

-- name: I22 the discount of the lines adds up to the amount
SELECT coupon_id, id AS redemption_id FROM redemption
WHERE {sum:lines} <> (CASE WHEN state IN (2, 5) THEN captured_fen ELSE held_fen END) OR {sum:returned} <> reversed_fen

-- name: I23 every code leads to its coupon
SELECT k.merchant_id, k.code FROM coupon_code k
LEFT JOIN (SELECT id, merchant_id, code FROM coupon) c ON c.id = k.coupon_id
WHERE c.id IS NULL OR c.merchant_id <> k.merchant_id OR c.code <> k.code

-- name: I24 every coupon of a member was counted
SELECT c.scheme_id, c.member_id FROM coupon c
LEFT JOIN (SELECT scheme_id, member_id FROM receipt_count) k
    ON k.scheme_id = c.scheme_id AND k.member_id = c.member_id
WHERE c.member_id IS NOT NULL AND k.scheme_id IS NULL

-- name: I25 every coupon has the version of the scheme it was issued under
SELECT c.id AS coupon_id FROM coupon c LEFT JOIN scheme s ON s.id = c.scheme_id
LEFT JOIN scheme_version v ON v.scheme_id = c.scheme_id AND v.version = c.scheme_version
WHERE s.id IS NULL OR v.scheme_id IS NULL OR c.scheme_version > s.latest OR s.merchant_id <> c.merchant_id

-- name: I26 a redemption and its journal rows tell the same amounts and the same request
SELECT r.coupon_id, r.id AS redemption_id FROM redemption r
JOIN journal j ON j.coupon_id = r.coupon_id AND j.redemption_id = r.id
WHERE (j.entry = 'hold' AND j.d_held_fen <> r.held_fen) OR (j.entry = 'capture' AND j.d_captured_fen <> r.captured_fen)
    OR j.d_held_fen <> j.d_held_uses * r.held_fen
    OR ((j.entry = 'hold' OR (j.entry = 'capture' AND j.d_held_uses = 0)) AND j.request_id <> r.request_id)

-- name: I27 a tally counts the rows of its stretch
SELECT t.shop_id, t.facet, t.value, t.until_at FROM tally t
JOIN tallied k ON k.shop_id = t.shop_id AND t.until_at <= k.sound_until_at
WHERE t.here <> (
    SELECT count(*) FROM redemption r WHERE r.shop_id = t.shop_id AND r.created_at >= t.from_at
    AND r.created_at < t.until_at
    AND (t.facet = 0 OR (t.facet = 1 AND r.kind = t.value) OR (t.facet = 2 AND r.scheme_id = t.value)))

-- name: I28 tallies follow each other and add up, and each row of a stretch is in one of each facet
SELECT shop_id, facet, value, until_at FROM (
    SELECT t.shop_id, t.facet, t.value, t.until_at, t.from_at, t.here, t.so_far,
        sum(t.here) OVER (PARTITION BY t.shop_id, t.facet, t.value ORDER BY t.until_at) AS added,
        coalesce(lag(t.until_at) OVER (PARTITION BY t.shop_id, t.facet, t.value ORDER BY t.until_at), 0) AS begin,
        sum(t.here) OVER (PARTITION BY t.shop_id, t.facet, t.from_at, t.until_at) AS of_facet,
        sum(t.here) OVER (PARTITION BY t.shop_id, t.from_at, t.until_at) AS of_facets,
        sum(CASE WHEN t.facet = 0 THEN t.here ELSE 0 END) OVER (PARTITION BY t.shop_id, t.from_at, t.until_at) AS whole
    FROM tally t JOIN tallied k ON k.shop_id = t.shop_id AND t.until_at <= k.sound_until_at
) t WHERE so_far <> added OR (facet = 0 AND from_at <> begin) OR of_facet <> whole
    OR of_facets <> 3 * whole OR here < 1

-- name: I29 a scheme is counted in its exact row or in the others, never in both
SELECT scheme_id FROM scheme_count GROUP BY scheme_id HAVING min(slot) = 0 AND max(slot) > 0

-- name: I30 a redemption has its coupon's merchant and scheme, its scheme's kind and a shop of that merchant
SELECT r.coupon_id, r.id AS redemption_id FROM redemption r JOIN coupon c ON c.id = r.coupon_id
LEFT JOIN scheme s ON s.id = r.scheme_id LEFT JOIN shop h ON h.id = r.shop_id
WHERE r.merchant_id <> c.merchant_id OR r.scheme_id <> c.scheme_id OR r.kind <> s.kind
    OR h.id IS NULL OR h.merchant_id <> r.merchant_id

-- name: I31 every bill on which a coupon was used is known
SELECT r.coupon_id, r.id AS redemption_id FROM redemption r LEFT JOIN (SELECT merchant_id, shop_id, number FROM bill) b
    ON b.merchant_id = r.merchant_id AND b.shop_id = r.shop_id AND b.number = r.bill_number
WHERE b.number IS NULL

-- name: I32 a journal begins with the issue, and ends when its coupon changed last; voided coupons have their row
SELECT c.id AS coupon_id FROM coupon c LEFT JOIN (
    SELECT coupon_id, max(at) last_at, sum(CASE WHEN entry = 'void' THEN 1 ELSE 0 END) voids,
        sum(CASE WHEN (entry = 'issue') = (seq = 1) THEN 0 ELSE 1 END) misplaced,
        sum(CASE WHEN seq = 1 THEN abs(held_after_fen) + abs(captured_after_fen) ELSE 0 END) at_first
    FROM journal GROUP BY coupon_id) j ON j.coupon_id = c.id
WHERE j.coupon_id IS NULL OR j.misplaced <> 0 OR j.at_first <> 0 OR j.last_at <> c.changed_at
    OR j.voids <> (CASE WHEN c.voided_at IS NULL THEN 0 ELSE 1 END)

-- name: I33 the moments of a redemption fit its state
SELECT coupon_id, id AS redemption_id FROM redemption
WHERE (captured_at IS NULL) <> (state NOT IN (2, 5)) OR changed_at < created_at OR held_until_at <= created_at

-- name: I34 a scheme has all its versions, to the latest
SELECT s.id AS scheme_id FROM scheme s JOIN scheme_version v ON v.scheme_id = s.id
GROUP BY s.id, s.latest HAVING count(*) <> s.latest OR min(v.version) <> 1 OR max(v.version) <> s.latest
