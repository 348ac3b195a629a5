package dispatch

import (
	"sync"
	"sync/atomic"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/relations"
)

// planning keeps the plans of a registry. The first statement of a model makes its plan. A Connect drops only the plans that it can touch.
type planning struct {
	// plans holds the plans by model; nil for a model without receivers. It is nil itself if no receiver is connected. Between a Connect and the next
	// statement it is empty, and ready holds the plans.
	plans atomic.Pointer[sync.Map]

	rounds atomic.Uint64 // number of times that a statement asked for a plan that was not made yet

	// The registry's lock guards the rest.
	ready     *sync.Map
	graph     *relations.Graph
	connected int              // number of connected receivers
	stale     []*schema.Schema // models whose receivers have changed since the last plan was made
}

// Invalidate notes that a receiver was connected to the signal or disconnected from it.
func (r *Registry) Invalidate(s *Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(s.List.Items())
	r.connected, s.counted = r.connected+n-s.counted, n
	switch {
	case r.connected == 0:
		r.plans.Store(nil)
		r.ready, r.stale = nil, nil
		return
	case r.ready == nil || s.Scope.Schema == nil: // receivers of an interface may listen to every model
		r.ready = &sync.Map{}
	}
	if s.Scope.Schema != nil {
		r.stale = append(r.stale, s.Scope.Schema)
	}
	r.plans.Store(&sync.Map{})
}

// Listening reports whether any receiver is connected.
func (r *Registry) Listening() bool { return r.plans.Load() != nil }

// Round returns a number that grows if statements run after receivers were connected.
func (r *Registry) Round() uint64 { return r.rounds.Load() }

// PlanFor returns the plan of a model, nil if no receiver listens to it. It takes no lock if the plan is made.
func (r *Registry) PlanFor(model *schema.Schema) *Plan {
	plans := r.plans.Load()
	if plans == nil {
		return nil
	}
	if p, ok := knownPlan(plans, model); ok {
		return p
	}
	return r.addPlan(model)
}

func knownPlan(plans *sync.Map, model *schema.Schema) (p *Plan, ok bool) {
	found, ok := plans.Load(model)
	if ok {
		p, _ = found.(*Plan)
	}
	return p, ok
}

func (r *Registry) addPlan(model *schema.Schema) *Plan {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rounds.Add(1)
	if r.ready == nil {
		return nil // the last receiver was disconnected meanwhile
	}
	r.learn(model)
	b := &planner{
		Graph: r.graph, reg: r, made: map[*schema.Schema]*Plan{}, deletes: map[*schema.Schema]bool{}, leads: map[*schema.Schema]bool{},
	}
	p := b.plan(model)
	for of, made := range b.made { // only now that they are complete, because statements read them without the lock
		r.ready.Store(of, made)
	}
	r.plans.Store(r.ready)
	return p
}

// learn adds a model, and models whose receivers have changed, to the graph. It drops the plans that this can touch.
func (r *Registry) learn(model *schema.Schema) {
	switch {
	case r.graph == nil:
		r.graph = &relations.Graph{}
	case r.graph.Outdated():
		known := r.graph.Known()
		r.graph, r.ready = &relations.Graph{}, &sync.Map{}
		r.graph.Add(r.DB, known...)
	}
	added := r.graph.Add(r.DB, append(r.stale, model)...)
	for _, s := range r.graph.Affected(append(added, r.stale...)...) {
		r.ready.Delete(s)
	}
	r.stale = nil
}
