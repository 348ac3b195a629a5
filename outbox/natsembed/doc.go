// Package natsembed runs a NATS server with JetStream inside this process: for tests, and for a host that needs an engine without further upkeep.
//
//	server, err := natsembed.Start(natsembed.Config{Dir: "/var/lib/shop/nats"})
//	nc, err := server.Connect(natsjs.Options()...)
//	...
//	err = server.Close()
//
// The server is that of nats-server. If a process outgrows it, start a server of its own with the same Dir. By default the server listens on a free
// port of 127.0.0.1; see [Config] for another port, another address or no port. It authenticates nobody: whoever reaches the port can read and write.
//
// If the process is killed, messages in a stream with file storage survive. After a power cut only messages survive that the file system has written
// to the disk: every two minutes, or before each answer with [Config.SyncAlways], which costs much throughput. Only one server may use a Dir at a
// time; nothing checks this.
package natsembed
