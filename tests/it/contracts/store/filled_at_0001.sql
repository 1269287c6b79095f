-- Rows as hoist wrote them into the tables of 0001_store.sql. Later migrations must bring them along.

INSERT INTO applications (pipeline, application, wake_at, woken_at, lease_until, fence, failures)
VALUES ('services', 'shop', '2026-11-22T08:00:00.123456789Z', '2026-11-22T08:00:00.123456789Z', NULL, 0, 0);

INSERT INTO applications (pipeline, application, wake_at, woken_at, lease_until, fence, failures)
VALUES ('services', 'cart', '2026-11-22T08:00:00.123456789Z', NULL, '2026-11-22T08:05:05.123456789Z', 1, 0);

INSERT INTO deliveries (number, event, source, delivery, received_at, body, outcome)
VALUES (1, '01m8149t3v0000000000000001', 'ci', 'delivery-1', '2026-11-22T08:00:00.123456789Z', x'7b226e756d626572223a20317d', '{"outcome":"accepted"}');

INSERT INTO deliveries (number, event, source, delivery, received_at, body, outcome)
VALUES (2, '01m8149t3v0000000000000002', 'ci', NULL, '2026-11-22T08:00:00.123456789Z', x'7b226e756d626572223a20327d', '{"outcome":"accepted"}');

INSERT INTO artifacts (number, id, event, pipeline, application, image, digest, tag, accepted_at, details)
VALUES (1, '01m8149t3v0000000000000001', '01m8149t3v0000000000000001', 'services', 'shop', 'ghcr.io/acme/shop', 'sha256:0000000000000000000000000000000000000000000000000000000000000001', 'v1', '2026-11-22T08:00:01.123456789Z', '{"version":"1.0","source":{"repository":null,"commit":"9f2c","ref":null},"build":{"url":null,"id":"1234"},"actor":"alice"}');

INSERT INTO artifacts (number, id, event, pipeline, application, image, digest, tag, accepted_at, details)
VALUES (2, '01m8149t3v0000000000000002', '01m8149t3v0000000000000002', 'services', 'shop', 'ghcr.io/acme/shop', 'sha256:0000000000000000000000000000000000000000000000000000000000000002', NULL, '2026-11-22T08:00:02.123456789Z', '{"version":"2.0","source":{"repository":null,"commit":"9f2c","ref":null},"build":{"url":null,"id":"1234"},"actor":"alice"}');

INSERT INTO artifacts (number, id, event, pipeline, application, image, digest, tag, accepted_at, details)
VALUES (3, '01m8149t3v0000000000000002', '01m8149t3v0000000000000002', 'services', 'cart', 'ghcr.io/acme/shop', 'sha256:0000000000000000000000000000000000000000000000000000000000000002', 'v2', '2026-11-22T08:00:02.123456789Z', '{"version":"2.0","source":{"repository":null,"commit":"9f2c","ref":null},"build":{"url":null,"id":"1234"},"actor":"alice"}');

INSERT INTO promotions (id, pipeline, application, environment, state, created_at, since, details)
VALUES ('01m8149v330000000000000001', 'services', 'shop', 'prod', 'superseded', '2026-11-22T08:00:01.123456789Z', '2026-11-22T08:00:01.123456789Z', '{"kind":{"kind":"forward","skips":["dev"]},"artifact":"01m8149t3v0000000000000001","version":"v1","values":[],"requested_by":{"name":"alice","door":"ci"},"reason":"because","state":{"state":"superseded","by":"01m8149w2b0000000000000002"},"proposal":null}');

INSERT INTO promotions (id, pipeline, application, environment, state, created_at, since, details)
VALUES ('01m8149w2b0000000000000002', 'services', 'shop', 'prod', 'proposed', '2026-11-22T08:00:02.123456789Z', '2026-11-22T08:00:02.123456789Z', '{"kind":{"kind":"forward","skips":["dev"]},"artifact":"01m8149t3v0000000000000002","version":"v2","values":[{"file":"environments/prod/apps/shop/values.yaml","place":{"document":0,"pointer":"/image/tag"},"value":"v2"}],"requested_by":{"name":"alice","door":"ci"},"reason":"because","state":{"state":"proposed"},"proposal":{"number":7,"head":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","base":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}}');

INSERT INTO promotions (id, pipeline, application, environment, state, created_at, since, details)
VALUES ('01m8149x1k0000000000000003', 'services', 'shop', 'staging', 'succeeded', '2026-11-22T08:00:03.123456789Z', '2026-11-22T08:00:03.123456789Z', '{"kind":{"kind":"found","at":"dddddddddddddddddddddddddddddddddddddddd"},"artifact":null,"version":"v3","values":[],"requested_by":{"name":"alice","door":"ci"},"reason":"because","state":{"state":"succeeded","commit":"dddddddddddddddddddddddddddddddddddddddd"},"proposal":null}');

INSERT INTO holds (id, pipeline, application, environment, held_by, reason, since, until)
VALUES ('01m8149t3v0000000000000001', 'services', 'shop', 'prod', '{"name":"bob","door":"page"}', 'reason 1', '2026-11-22T08:00:01.123456789Z', '2026-11-22T08:01:40.123456789Z');

INSERT INTO audit (number, at, actor, door, verb, pipeline, application, environment, promotion, commit_id, text, hash)
VALUES (1, '2026-11-22T08:00:05.123456789Z', 'alice', '"api"', 'promote', 'services', 'shop', 'prod', '01m8149v330000000000000001', 'cccccccccccccccccccccccccccccccccccccccc', 'one', '38fb98ee9c4a7b6af5d055ebb42e5b9c7618b2a0e16e64f53c439d42efbd4626');

INSERT INTO audit (number, at, actor, door, verb, pipeline, application, environment, promotion, commit_id, text, hash)
VALUES (2, '2026-11-22T08:00:05.123456789Z', 'alice', '"api"', 'promote', 'services', 'shop', 'prod', '01m8149v330000000000000001', 'cccccccccccccccccccccccccccccccccccccccc', 'two', '987c5d7d97586c68ebc46fe327245729ebdb8f3535e70c476243eb22abff0a8f');

INSERT INTO audit (number, at, actor, door, verb, pipeline, application, environment, promotion, commit_id, text, hash)
VALUES (3, '2026-11-22T08:00:05.123456789Z', 'alice', '"api"', 'promote', 'services', 'shop', 'prod', '01m8149v330000000000000001', 'cccccccccccccccccccccccccccccccccccccccc', 'three', 'b495da73a6debb9ecc4a5488f9bb21e31135c0675b6fa0bd3fd4ef1ee75401de');

INSERT INTO codes (key, actor, roles, form_key, until)
VALUES ('c0de', 'alice', '["developers","release-managers"]', 'f0', '2026-11-22T08:01:40.123456789Z');

INSERT INTO sessions (key, actor, roles, form_key, until)
VALUES ('5e55', 'alice', '["developers","release-managers"]', 'f0', '2026-11-22T08:01:40.123456789Z');
