package inspector

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Hosts names hosts, without their ports, that the page answers for on a loopback address, beside localhost, 127.0.0.1 and [::1]. There it
// refuses all other hosts: a page of somebody else whose name leads to this machine (DNS rebinding) could otherwise read what a browser on
// this machine reaches. Name the host that a proxy on this machine hands on; "*" answers for every host.
//
// On addresses that are not loopback the page answers for every host.
func Hosts(hosts ...string) Option {
	return func(o *options) { o.hosts = append(o.hosts, hosts...) }
}

// refuse answers a request that came over a loopback address for a host of somebody else, and reports whether it did.
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

// isLoopback reports whether a host is this machine, whatever a name server says.
func isLoopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}
