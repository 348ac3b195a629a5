package fuzzwrites_test

import (
	"fmt"
	"strings"
)

// fuzzScript is a configuration and a list of GORM calls.
type fuzzScript struct {
	Batch   int  // Plugin.BatchSize
	Veto    int  // the receiver refuses the event with this number; 0 means none
	Plain   bool // gorm.Config.SkipDefaultTransaction
	Prepare bool // gorm.Config.PrepareStmt
	More    int  // further receivers: see hasFields and hasBatches
	Filled  bool // the tables hold fuzzStart
	Rule    fuzzRule
	Ops     []fuzzOp
}

// listens reports whether no receiver refuses, changes or writes anything.
func (s *fuzzScript) listens() bool { return s.Veto == 0 && !s.Rule.On && s.Rule.Nest == 0 }

func (s *fuzzScript) hasFields() bool  { return s.More%2 == 1 }
func (s *fuzzScript) hasBatches() bool { return s.More/2 == 1 }

// fuzzRule is what receivers of a table do. In rows whose column If holds Is, the receiver of pre_save sets column Set to To. The receiver of the
// signal Nest writes owners.
type fuzzRule struct {
	On                     bool
	Nest                   int // index in fuzzSignals
	Table, If, Is, Set, To int
}

type fuzzKind int

const (
	fuzzCreate fuzzKind = iota
	fuzzCreateMap
	fuzzUpsert
	fuzzSave
	fuzzUpdate
	fuzzDelete
	fuzzRestore
	fuzzFirst
	fuzzTx
	fuzzAssociate
	fuzzRekey
	fuzzKinds
)

var fuzzKindNames = [fuzzKinds]string{
	"fuzzCreate", "fuzzCreateMap", "fuzzUpsert", "fuzzSave", "fuzzUpdate", "fuzzDelete", "fuzzRestore", "fuzzFirst", "fuzzTx",
	"fuzzAssociate", "fuzzRekey",
}

// fuzzOp is one call. The kind decides what the numbers mean: Form picks a variant, Pick holds flags.
type fuzzOp struct {
	Kind  fuzzKind
	Table int
	Form  int
	Pick  int
	Mode  int // fuzzGeneric, fuzzSilent, fuzzMuted, or anything else for a plain call
	Rows  []fuzzRow
	Cond  fuzzCond
	Sets  []fuzzSet
	Ops   []fuzzOp
}

const (
	fuzzGeneric = 5 // gorm.G, where it has the call
	fuzzSilent  = 6 // Session{SkipHooks: true}
	fuzzMuted   = 7 // signals.Mute
	fuzzModes   = 16
)

// fuzzSet assigns a value to a column, or adds it.
type fuzzSet struct {
	Column, Value int
	Add           bool
}

const (
	fuzzMaxOps   = 25
	fuzzMaxBlock = 4
	fuzzMaxRows  = 3
	fuzzCells    = 7
)

// fuzzCoder turns bytes into scripts, and scripts into bytes. Missing bytes are 0.
type fuzzCoder struct {
	data    []byte
	writing bool
}

func readFuzzScript(data []byte) *fuzzScript {
	script := &fuzzScript{}
	script.code(&fuzzCoder{data: data})
	return script
}

func (s *fuzzScript) bytes() []byte {
	c := &fuzzCoder{writing: true}
	s.code(c)
	return c.data
}

func (c *fuzzCoder) num(v *int, n int) {
	if c.writing {
		c.data = append(c.data, byte(*v))
		return
	}
	*v = 0
	if len(c.data) > 0 {
		*v, c.data = int(c.data[0])%n, c.data[1:]
	}
}

func (c *fuzzCoder) flag(v *bool) {
	n := 0
	if *v {
		n = 1
	}
	c.num(&n, 2)
	*v = n == 1
}

// usually is a flag that most scripts have.
func (c *fuzzCoder) usually(v *bool) {
	n := 0
	if *v {
		n = 1
	}
	c.num(&n, 4)
	*v = n > 0
}

func (s *fuzzScript) code(c *fuzzCoder) {
	c.num(&s.Batch, 4)
	c.num(&s.Veto, 24)
	c.flag(&s.Plain)
	c.flag(&s.Prepare)
	c.num(&s.More, 4)
	c.usually(&s.Filled)
	tables := fuzzTables()
	c.flag(&s.Rule.On)
	c.num(&s.Rule.Nest, len(fuzzSignals))
	c.num(&s.Rule.Table, len(tables))
	columns := len(tables[s.Rule.Table].columns)
	c.num(&s.Rule.If, columns)
	c.num(&s.Rule.Is, fuzzCells)
	c.num(&s.Rule.Set, columns)
	c.num(&s.Rule.To, fuzzCells)
	s.Rule.Set = max(s.Rule.Set, tables[s.Rule.Table].keys)
	if s.Rule.Table == fuzzPets {
		s.Rule.Set = 1 // GORM writes the owner of a pet several times
	}
	if s.Rule.Set == tables[s.Rule.Table].soft {
		s.Rule.To = oneOrZero(s.Rule.To)
	}
	if c.writing {
		for i := range s.Ops {
			s.Ops[i].code(c, tables, 0)
		}
		return
	}
	for len(c.data) > 0 && len(s.Ops) < fuzzMaxOps {
		var op fuzzOp
		op.code(c, tables, 0)
		s.Ops = append(s.Ops, op)
	}
}

func (op *fuzzOp) code(c *fuzzCoder, tables []*fuzzTable, depth int) {
	kind := int(op.Kind)
	c.num(&kind, int(fuzzKinds))
	if op.Kind = fuzzKind(kind); op.Kind == fuzzTx && depth == 2 {
		op.Kind = fuzzCreate
	}
	c.num(&op.Form, 8)
	if op.Kind == fuzzTx {
		codeFuzzList(c, &op.Ops, fuzzMaxBlock, func(o *fuzzOp) { o.code(c, tables, depth+1) })
		return
	}
	c.num(&op.Table, len(tables))
	switch op.Kind {
	case fuzzRestore:
		op.Table = fuzzPages
	case fuzzAssociate:
		op.Table = fuzzOwners
	case fuzzFirst:
		op.Table %= fuzzLines // the other tables have no single key, or no column for a condition
	case fuzzRekey:
		op.Table %= fuzzLines
	default:
	}
	t := tables[op.Table]
	c.num(&op.Pick, 8)
	c.num(&op.Mode, fuzzModes)
	codeFuzzList(c, &op.Rows, fuzzMaxRows, func(r *fuzzRow) {
		for i := range t.columns {
			c.num(&r[i], fuzzCells)
		}
		if t.soft >= 0 {
			r[t.soft] = oneOrZero(r[t.soft])
		}
	})
	c.num(&op.Cond.Form, 6)
	for _, term := range []*fuzzTerm{&op.Cond.A, &op.Cond.B} {
		c.num(&term.Column, len(t.columns))
		c.num(&term.Op, 4)
		c.num(&term.Value, fuzzCells)
		if term.Column == t.soft {
			term.Column = 0
		}
	}
	codeFuzzList(c, &op.Sets, fuzzMaxRows, func(set *fuzzSet) {
		c.num(&set.Column, len(t.columns))
		c.num(&set.Value, fuzzCells)
		c.flag(&set.Add)
		set.Column = max(set.Column, t.keys)
		if set.Column == t.soft {
			set.Value = oneOrZero(set.Value)
		}
		set.Add = set.Add && set.Column != t.text && set.Column != t.soft
	})
	op.Sets = distinctFuzzSets(op.Sets)
	if op.Cond.Form > 0 && op.Mode%2 == 0 && op.byCondition() {
		op.Rows = nil
	}
}

// byCondition reports whether the call finds its rows by key, by condition, or by both.
func (op *fuzzOp) byCondition() bool {
	return op.Kind == fuzzUpdate || op.Kind == fuzzDelete || op.Kind == fuzzRestore || op.Kind == fuzzRekey
}

// oneOrZero turns a number into a deleted_at, mostly NULL.
func oneOrZero(n int) int {
	if n == 1 {
		return 1
	}
	return 0
}

func codeFuzzList[T any](c *fuzzCoder, list *[]T, most int, code func(*T)) {
	n := len(*list)
	if c.num(&n, most+1); !c.writing {
		*list = make([]T, n)
	}
	for i := range *list {
		code(&(*list)[i])
	}
}

// distinctFuzzSets keeps one assignment for each column.
func distinctFuzzSets(sets []fuzzSet) []fuzzSet {
	var kept []fuzzSet
	var seen [4]bool
	for _, set := range sets {
		if !seen[set.Column] {
			kept = append(kept, set)
		}
		seen[set.Column] = true
	}
	return kept
}

// String formats the script as the Go literal of a seed.
func (s *fuzzScript) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "{Batch: %d, Veto: %d, Plain: %t, Prepare: %t, More: %d, Filled: %t,",
		s.Batch, s.Veto, s.Plain, s.Prepare, s.More, s.Filled)
	if s.Rule.On || s.Rule.Nest > 0 {
		fmt.Fprintf(&b, " Rule: %s,", strings.TrimPrefix(fmt.Sprintf("%#v", s.Rule), "fuzzwrites_test."))
	}
	b.WriteString(" Ops: []fuzzOp{\n")
	for i := range s.Ops {
		s.Ops[i].write(&b)
	}
	return b.String() + "}},"
}

func (op *fuzzOp) write(b *strings.Builder) {
	fmt.Fprintf(b, "{Kind: %s, Table: %d, Form: %d, Pick: %d, Mode: %d",
		fuzzKindNames[op.Kind], op.Table, op.Form, op.Pick, op.Mode)
	if len(op.Rows) > 0 {
		b.WriteString(", " + strings.ReplaceAll(fmt.Sprintf("Rows: %#v", op.Rows), "fuzzwrites_test.", ""))
	}
	if op.Cond.Form > 0 {
		b.WriteString(", " + strings.ReplaceAll(fmt.Sprintf("Cond: %#v", op.Cond), "fuzzwrites_test.", ""))
	}
	if len(op.Sets) > 0 {
		b.WriteString(", " + strings.ReplaceAll(fmt.Sprintf("Sets: %#v", op.Sets), "fuzzwrites_test.", ""))
	}
	if len(op.Ops) > 0 {
		b.WriteString(", Ops: []fuzzOp{\n")
		for i := range op.Ops {
			op.Ops[i].write(b)
		}
		b.WriteString("}")
	}
	b.WriteString("},\n")
}
