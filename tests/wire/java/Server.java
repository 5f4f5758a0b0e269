import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import java.util.List;

/** Speaks MongoDB's wire protocol on a loopback port; ends when its standard input does. */
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

    public static void main(String[] arguments) throws Exception {
        H2Backend backend = new H2Backend(arguments[1]);
        backend.version(new Recent());
        MongoServer server = new MongoServer(backend);
        server.bind("127.0.0.1", Integer.parseInt(arguments[0]));
        System.out.println("port " + server.getLocalAddress().getPort());
        System.out.flush();
        while (System.in.read() != -1) {
            continue;
        }
        server.shutdownNow();
    }
}
