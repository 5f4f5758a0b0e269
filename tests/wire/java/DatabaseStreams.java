import de.bwaldvogel.mongo.backend.AbstractCursor;
import de.bwaldvogel.mongo.backend.Cursor;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.aggregation.Aggregation;
import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.oplog.Oplog;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** An oplog that can be watched for a whole database: one stream of its own to each collection. */
final class DatabaseStreams implements Oplog {
    /** The namespace under which the server asks for the stream of a database: `db.1`. */
    private static final String DATABASE = ".1";

    private static final Aggregation ALL =
        Aggregation.fromPipeline(List.<Document>of(), null, null, null, null);

    private final Oplog oplog;
    private final CursorRegistry cursors;
    private final Set<String> namespaces = ConcurrentHashMap.newKeySet();

    DatabaseStreams(Oplog oplog, CursorRegistry cursors) {
        this.oplog = oplog;
        this.cursors = cursors;
    }

    @Override
    public void handleInsert(String namespace, List<Document> documents) {
        namespaces.add(namespace);
        oplog.handleInsert(namespace, documents);
    }

    @Override
    public void handleUpdate(String namespace, Document selector, Document query, List<Object> ids) {
        namespaces.add(namespace);
        oplog.handleUpdate(namespace, selector, query, ids);
    }

    @Override
    public void handleDelete(String namespace, Document query, List<Object> ids) {
        namespaces.add(namespace);
        oplog.handleDelete(namespace, query, ids);
    }

    @Override
    public void handleDropCollection(String namespace) {
        oplog.handleDropCollection(namespace);
    }

    @Override
    public Cursor createCursor(Document stream, String namespace, Aggregation aggregation) {
        if (!namespace.endsWith(DATABASE)) {
            return oplog.createCursor(stream, namespace, aggregation);
        }
        String database = namespace.substring(0, namespace.length() - DATABASE.length() + 1);
        Cursor whole = new Whole(cursors.generateCursorId(), fromNow(stream), database, aggregation);
        cursors.add(whole);
        return whole;
    }

    /** So that a collection that is new later is streamed from the beginning of this stream. */
    private static Document fromNow(Document stream) {
        Document copy = stream.clone();
        if (!stream.containsKey("resumeAfter") && !stream.containsKey("startAfter")) {
            copy.putIfAbsent("startAtOperationTime", new BsonTimestamp(Instant.now(), 0));
        }
        return copy;
    }

    /** The server leaves `ns` out of its events. */
    private static Document named(Document event, String namespace) {
        int dot = namespace.indexOf('.');
        Document name = new Document("db", namespace.substring(0, dot));
        event.put("ns", name.append("coll", namespace.substring(dot + 1)));
        return event;
    }

    private final class Whole extends AbstractCursor {
        private final Document stream;
        private final String database;
        private final Aggregation aggregation;
        private final Map<String, Cursor> parts = new ConcurrentHashMap<>();

        Whole(long id, Document stream, String database, Aggregation aggregation) {
            super(id);
            this.stream = stream;
            this.database = database;
            this.aggregation = aggregation;
        }

        @Override
        public boolean isEmpty() {
            return false;
        }

        @Override
        public List<Document> takeDocuments(int most) {
            List<Document> taken = new ArrayList<>();
            for (String namespace : namespaces) {
                if (namespace.startsWith(database)) {
                    Cursor part = parts.computeIfAbsent(
                        namespace, name -> oplog.createCursor(stream, name, ALL));
                    part.takeDocuments(most).forEach(event -> taken.add(named(event, namespace)));
                }
            }
            return aggregation.runStages(taken.stream());
        }
    }
}
