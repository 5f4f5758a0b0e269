import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.oplog.Oplog;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.time.Instant;
import java.util.List;

/**
 * Speaks MongoDB's wire protocol on a loopback port; ends when its standard input does.
 * Arguments: the port, the file of its data, and "oplog" for one that has change streams.
 */
public final class Server {
    /** The server's own highest says wire version 8, which drivers of today refuse. */
    private static final class Recent implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 13;
        }
    }

    /** Answers as a replica set of one with an oplog does, where the server lacks it. */
    private static final class ReplicaSet extends H2Backend {
        private static final int HISTORY_LOST = 286;

        ReplicaSet(String file) {
            super(file);
        }

        @Override
        protected Oplog createOplog() {
            return new DatabaseStreams(super.createOplog(), getCursorRegistry());
        }

        @Override
        public Document handleMessage(MongoMessage message) {
            Document command = message.getDocument();
            if (command.containsKey("hello")) {
                return new Document("setName", "oplog").append("isWritablePrimary", true).append("ok", 1);
            }
            if (!command.containsKey("aggregate")) {
                return super.handleMessage(message);
            }
            if (command.toString().contains("resumeAfter") && historyIsLost()) {
                throw new MongoServerError(HISTORY_LOST, "ChangeStreamHistoryLost", "resume point gone");
            }
            Document answer = super.handleMessage(message);
            answer.put("operationTime", new BsonTimestamp(Instant.now(), 0));
            return answer;
        }

        /** As when the oplog was too short for the time that the reader was away. */
        private boolean historyIsLost() {
            return resolveDatabase("local").resolveCollection("oplog.rs", false).isEmpty();
        }
    }

    public static void main(String[] arguments) throws Exception {
        boolean oplog = arguments.length > 2 && arguments[2].equals("oplog");
        H2Backend backend = oplog ? new ReplicaSet(arguments[1]) : new H2Backend(arguments[1]);
        backend.version(new Recent());
        MongoServer server = new MongoServer(backend);
        if (oplog) {
            server.enableOplog();
        }
        server.bind("127.0.0.1", Integer.parseInt(arguments[0]));
        System.out.println("port " + server.getLocalAddress().getPort());
        System.out.flush();
        while (System.in.read() != -1) {
            continue;
        }
        server.shutdownNow();
    }
}
