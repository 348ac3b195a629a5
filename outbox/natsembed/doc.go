// Package natsembed runs a NATS server with JetStream inside this process: for tests, and for a host that needs the engine and
// nobody to look after it.
//
//	server, err := natsembed.Start(natsembed.Config{Dir: "/var/lib/shop/nats"})
//	nc, err := server.Connect(natsjs.Options()...)
//	...
//	err = server.Close()
//
// The server is the ordinary one of nats-server, so what is written here holds for a server of its own too, and a process that
// outgrows the embedded one moves its Dir there. By default the server listens on a free port of 127.0.0.1; see [Config] for
// another port, another address or none at all. It asks nobody who they are: whoever reaches the port can read and write.
//
// Messages in a stream of file storage survive that the process is killed. They survive a power cut from the moment that the file
// system has them on the disk: every two minutes, or before each answer with [Config.SyncAlways], which costs much throughput.
// Only one server may use a Dir at a time; nothing checks it.
package natsembed
