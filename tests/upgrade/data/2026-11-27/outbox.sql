BEGIN TRANSACTION;
CREATE TABLE entries (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document NOT NULL);
INSERT INTO "entries" VALUES(1,'1ca8e1847b8848f69e29703dfcc62c7a','{"do":"write","id":"1ca8e1847b8848f69e29703dfcc62c7a","bot_id":"waiting","bot":{"id":"waiting","name":"Waiting","description":"Was made while the store was away.","labels":{},"annotations":{},"guidelines":[],"journeys":[],"terms":[],"relationships":[],"masked":{},"suspended":false},"expect":0,"source":{"kind":"conversation","session":"session-1"},"actor":"otto","time":"2026-11-27T03:15:34.280033+00:00"}');
COMMIT;
PRAGMA user_version = 1;
