BEGIN TRANSACTION;
CREATE TABLE entries (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document NOT NULL);
INSERT INTO "entries" VALUES(1,'6ac9ab6cc3d449f5ad7809a685662ec3','{"do":"write","id":"6ac9ab6cc3d449f5ad7809a685662ec3","bot_id":"waiting","bot":{"id":"waiting","name":"Waiting","description":"Was made while the store was away.","labels":{},"annotations":{},"guidelines":[],"journeys":[],"terms":[],"relationships":[],"masked":{},"suspended":false},"expect":0,"source":{"kind":"conversation","session":"session-1"},"actor":"otto","time":"2026-11-27T01:50:56.039563+00:00"}');
COMMIT;
PRAGMA user_version = 1;
