import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import java.util.List;

/** mongo-java-server on a free port of 127.0.0.1, printed; it ends when its standard input does. */
public class SecondMongo {
  /** The driver refuses what calls itself older than 4.4; the commands that guichet sends are all older. */
  private static final MongoVersion VERSION = new MongoVersion() {
    @Override
    public List<Integer> getVersionArray() {
      return List.of(5, 0, 0);
    }

    @Override
    public int getWireVersion() {
      return 13;
    }
  };

  private static class Backend extends MemoryBackend {
    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
      // The same command under the name that replaced it in 4.4.2.
      String known = command.equals("hello") ? "isMaster" : command;
      return super.handleCommand(channel, database, known, query);
    }
  }

  public static void main(String[] arguments) throws Exception {
    MongoServer server = new MongoServer(new Backend().version(VERSION));
    server.bind("127.0.0.1", 0);
    System.out.println(server.getLocalAddress().getPort());
    while (System.in.read() != -1) {
      // Nothing is expected but its end.
    }
    server.shutdownNow();
  }
}
