package main

import (
	"slices"

	"github.com/gorm-signals/signals/bench/internal/workloads"
)

// Names of the ways of the peers.
const (
	bunWay = "bun"
	entWay = "ent"
)

// prepare makes ready one way of doing a workload.
type prepare = func(*workloads.Env) (workloads.Work, error)

// all returns the workloads with the ways of the peers. These do the same work, in the same kind of transaction.
func all() []workloads.Workload {
	list := workloads.All()
	for i := range list {
		list[i] = withPeers(list[i])
	}
	return list
}

func withPeers(w workloads.Workload) workloads.Workload {
	for _, peer := range []struct {
		name string
		way  func(workloads.Workload) prepare
	}{{bunWay, bunDoes}, {entWay, entDoes}} {
		if way := peer.way(w); way != nil {
			w.Ways = append(slices.Clip(w.Ways), workloads.Way{Name: peer.name, Prepare: way})
		}
	}
	return w
}
