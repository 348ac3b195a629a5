package main

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// hosts are the hosts, besides this machine's own names, for which the shop answers on a loopback address.
type hosts []string

// String returns the hosts as flags show them.
func (h *hosts) String() string { return strings.Join(*h, ",") }

// Set adds a host of the flag.
func (h *hosts) Set(host string) error {
	*h = append(*h, host)
	return nil
}

// only refuses requests for another host that came over a loopback address. Otherwise a foreign page whose name leads to this machine (DNS rebinding)
// could change the shop from a browser on this machine.
func (h *hosts) only(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r.Host)
		addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if !ok || !addr.IP.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback() ||
			slices.ContainsFunc(*h, func(allowed string) bool { return hostOf(allowed) == host }) {
			next.ServeHTTP(w, r)
			return
		}
		guarded(misdirected).ServeHTTP(w, r)
	}
}

func misdirected(w http.ResponseWriter, r *http.Request) {
	http.Error(w, fmt.Sprintf("The shop does not answer for the host %q on a loopback address: ask for localhost, or start the shop with -host %[1]s.", hostOf(r.Host)),
		http.StatusMisdirectedRequest)
}

// hostOf returns a host without its port, in lower case.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}
