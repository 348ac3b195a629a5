package inspector

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Hosts names hosts, without ports, that the page answers for on a loopback address, besides localhost, 127.0.0.1 and [::1]. There the page refuses
// all other hosts. Otherwise a foreign page whose name leads to this machine (DNS rebinding) could read what a browser on this machine reaches. If a
// proxy on this machine forwards requests, name the host that it passes on; "*" allows every host.
//
// On other addresses the page answers for every host.
func Hosts(hosts ...string) Option {
	return func(o *options) { o.hosts = append(o.hosts, hosts...) }
}

// refuse answers a request for a host that is not allowed on a loopback address, and reports whether it did.
func (o *options) refuse(w http.ResponseWriter, r *http.Request) bool {
	host := hostOf(r.Host)
	if !overLoopback(r) || isLoopback(host) || slices.ContainsFunc(o.hosts, func(h string) bool { return h == "*" || hostOf(h) == host }) {
		return false
	}
	http.Error(w, fmt.Sprintf("This page does not answer for the host %q on a loopback address: ask for localhost, or allow the host with inspector.Hosts.", host),
		http.StatusMisdirectedRequest)
	return true
}

// overLoopback reports whether a request came to a loopback address of this machine.
func overLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// hostOf returns a host without its port, in lower case.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// isLoopback reports whether a host is this machine, without asking a name server.
func isLoopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}
