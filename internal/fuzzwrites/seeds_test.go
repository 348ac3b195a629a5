package fuzzwrites_test

import "slices"

func fuzzIfPriceBelow(n int) fuzzCond {
	return fuzzCond{Form: 1, A: fuzzTerm{Column: 2, Op: 1, Value: n}}
}

// fuzzIfEither joins a condition on the text and one on the number after it.
func fuzzIfEither(form, a, b int) fuzzCond {
	return fuzzCond{Form: form, A: fuzzTerm{Column: 1, Op: 0, Value: a}, B: fuzzTerm{Column: 2, Op: 0, Value: b}}
}

func fuzzAssign(column, value int) []fuzzSet { return []fuzzSet{{Column: column, Value: value}} }

// fuzzStock is five products, or pages, in one call.
func fuzzStock(table int) fuzzOp {
	return fuzzOp{Kind: fuzzTx, Ops: []fuzzOp{
		{Kind: fuzzCreate, Table: table, Form: 1, Rows: []fuzzRow{{0, 1, 1, 0}, {0, 2, 2, 0}, {0, 3, 3, 0}}},
		{Kind: fuzzCreate, Table: table, Form: 2, Rows: []fuzzRow{{0, 4, 1, 0}, {6, 5, 2, 0}}},
	}}
}

// fuzzSeeds returns handwritten scripts, so that a plain test run covers every kind of call.
func fuzzSeeds() []*fuzzScript {
	return slices.Concat(fuzzInsertSeeds(), fuzzChangeSeeds(), fuzzOtherSeeds(),
		fuzzReceiverSeeds(), fuzzFamilySeeds(), fuzzCornerSeeds())
}

// fuzzInsertSeeds are calls that insert.
func fuzzInsertSeeds() []*fuzzScript {
	return []*fuzzScript{
		// Every form of create.
		{More: 3, Ops: []fuzzOp{
			{Kind: fuzzCreate, Rows: []fuzzRow{{0, 1, 2, 3}}},
			{Kind: fuzzCreate, Form: 3, Rows: []fuzzRow{{0, 2, 2, 3}, {0, 3, 4, 5}}},
			{Kind: fuzzCreate, Form: 5, Rows: []fuzzRow{{0, 4}, {0, 5}, {0, 6}}},
			{Kind: fuzzCreate, Mode: fuzzGeneric, Table: fuzzPages, Rows: []fuzzRow{{0, 4, 1, 0}}},
			{Kind: fuzzCreate, Table: fuzzLines, Rows: []fuzzRow{{1, 2, 3}, {1, 2, 4}}},
		}},
		{Ops: []fuzzOp{
			{Kind: fuzzCreateMap, Rows: []fuzzRow{{0, 1, 2, 3}}},
			{Kind: fuzzCreateMap, Form: 4, Pick: 1, Rows: []fuzzRow{{0, 2, 2, 3}}},
			{Kind: fuzzCreateMap, Form: 5, Table: fuzzPages, Rows: []fuzzRow{{0, 1, 1}, {0, 2, 2}}},
			{Kind: fuzzCreateMap, Form: 1, Table: fuzzLines, Rows: []fuzzRow{{1, 1, 1}, {1, 2, 2}}},
			{Kind: fuzzCreateMap, Form: 1, Rows: []fuzzRow{{0, 5, 1, 1}}},
		}},
		// Every form of upsert.
		{Ops: []fuzzOp{
			fuzzStock(fuzzProducts),
			{Kind: fuzzUpsert, Form: 0, Rows: []fuzzRow{{1, 6, 4, 4}, {5, 1}, {5, 6, 5, 5}}},
			{Kind: fuzzUpsert, Form: 1, Rows: []fuzzRow{{0, 1, 5, 5}}},
			{Kind: fuzzUpsert, Form: 2, Rows: []fuzzRow{{2, 2, 6, 6}, {3, 3, 6, 6}}},
			{Kind: fuzzUpsert, Form: 3, Rows: []fuzzRow{{2, 2, 5, 1}}, Sets: []fuzzSet{{Column: 2}}},
			{Kind: fuzzUpsert, Form: 5, Rows: []fuzzRow{{0, 2, 5, 1}}, Sets: []fuzzSet{{Column: 3, Value: 2, Add: true}}},
			{Kind: fuzzUpsert, Form: 2, Rows: []fuzzRow{{1, 2, 5, 1}}},
		}},
		// Save: no key, a key that is there, one that is not, a row that is soft-deleted.
		{More: 1, Ops: []fuzzOp{
			{Kind: fuzzSave, Table: fuzzPages, Rows: []fuzzRow{{0, 1, 1, 0}}},
			{Kind: fuzzSave, Table: fuzzPages, Rows: []fuzzRow{{1, 2, 1, 0}}},
			{Kind: fuzzSave, Table: fuzzPages, Rows: []fuzzRow{{5, 3, 1, 0}}},
			{Kind: fuzzDelete, Table: fuzzPages, Rows: []fuzzRow{{5}}},
			{Kind: fuzzSave, Table: fuzzPages, Rows: []fuzzRow{{5, 4, 1, 0}}},
			{Kind: fuzzDelete, Table: fuzzPages, Form: 1, Rows: []fuzzRow{{1}, {5}}},
			{Kind: fuzzSave, Table: fuzzPages, Form: 1, Rows: []fuzzRow{{1, 4, 1, 0}, {5, 4, 1, 1}, {6, 6, 6, 0}}},
			{Kind: fuzzSave, Table: fuzzLines, Form: 2, Rows: []fuzzRow{{1, 1, 1}, {1, 2, 1}, {1, 1, 2}}},
		}},
		// A Save of some columns.
		{Ops: []fuzzOp{
			fuzzStock(fuzzProducts),
			{Kind: fuzzSave, Pick: 2 * fuzzSaveOmit, Rows: []fuzzRow{{1, 6, 6, 6}}, Sets: []fuzzSet{{Column: 2}}},
			{Kind: fuzzSave, Pick: 2 * fuzzSaveSelect, Rows: []fuzzRow{{2, 6, 6, 6}}, Sets: []fuzzSet{{Column: 3}}},
			{Kind: fuzzSave, Pick: 2 * fuzzSaveSelect, Rows: []fuzzRow{{5, 6, 6, 6}}, Sets: []fuzzSet{{Column: 3}}},
			{Kind: fuzzSave, Pick: 2 * fuzzSaveWhere, Rows: []fuzzRow{{1, 1, 5, 5}}, Cond: fuzzIfPriceBelow(0)},
		}},
	}
}

// fuzzChangeSeeds are calls that update and delete.
func fuzzChangeSeeds() []*fuzzScript {
	return []*fuzzScript{
		// Updates of one row and of many.
		{Batch: 2, More: 3, Ops: []fuzzOp{
			fuzzStock(fuzzProducts),
			{Kind: fuzzUpdate, Rows: []fuzzRow{{1}}, Sets: []fuzzSet{{Column: 2, Value: 6}, {Column: 3, Value: 1}}},
			{Kind: fuzzUpdate, Cond: fuzzIfPriceBelow(5), Sets: []fuzzSet{{Column: 2, Value: 3, Add: true}}},
			{Kind: fuzzUpdate, Form: 1, Cond: fuzzIfPriceBelow(6), Sets: []fuzzSet{{Column: 2, Value: 1}, {Column: 3}}},
			{Kind: fuzzUpdate, Form: 2, Rows: []fuzzRow{{5}}, Sets: []fuzzSet{{Column: 3, Value: 1}}},
			{Kind: fuzzUpdate, Form: 3, Rows: []fuzzRow{{2}, {3}}, Sets: []fuzzSet{{Column: 2}, {Column: 3, Value: 4}}},
			{Kind: fuzzUpdate, Form: 4, Pick: 6, Sets: []fuzzSet{{Column: 2, Value: 4}, {Column: 3, Value: 2}}},
			{Kind: fuzzUpdate, Form: 7, Rows: []fuzzRow{{2}}, Sets: []fuzzSet{{Column: 3, Value: 6}}},
			{Kind: fuzzUpdate, Sets: []fuzzSet{{Column: 3, Value: 6}}},
		}},
		// Conditions.
		{Batch: 1, Ops: []fuzzOp{
			fuzzStock(fuzzPages),
			{Kind: fuzzUpdate, Table: fuzzPages, Cond: fuzzIfEither(2, 1, 2), Sets: []fuzzSet{{Column: 2, Value: 5}}},
			{Kind: fuzzUpdate, Mode: 1, Table: fuzzPages, Cond: fuzzIfEither(4, 3, 5), Rows: []fuzzRow{{3}}, Sets: fuzzAssign(2, 6)},
			{Kind: fuzzUpdate, Table: fuzzPages, Cond: fuzzCond{Form: 5, A: fuzzTerm{Column: 2, Op: 1}}, Sets: fuzzAssign(2, 6)},
			{Kind: fuzzUpdate, Table: fuzzPages, Mode: fuzzGeneric, Form: 2, Cond: fuzzIfEither(2, 4, 6), Sets: fuzzAssign(2, 4)},
			{Kind: fuzzDelete, Table: fuzzPages, Mode: fuzzGeneric, Cond: fuzzIfEither(3, 4, 4)},
			{Kind: fuzzDelete, Table: fuzzPages, Cond: fuzzIfEither(2, 1, 6)},
			{Kind: fuzzDelete, Table: fuzzPages, Cond: fuzzCond{Form: 5, A: fuzzTerm{Column: 2, Op: 3}}},
		}},
		// Soft and hard deletes, and back.
		{Batch: 2, More: 2, Ops: []fuzzOp{
			fuzzStock(fuzzPages),
			{Kind: fuzzDelete, Table: fuzzPages, Pick: 6},
			{Kind: fuzzDelete, Table: fuzzPages, Rows: []fuzzRow{{1}}},
			{Kind: fuzzRestore, Table: fuzzPages, Rows: []fuzzRow{{2}}},
			{Kind: fuzzRestore, Table: fuzzPages, Form: 1, Cond: fuzzIfEither(2, 1, 1)},
			{Kind: fuzzDelete, Table: fuzzPages, Form: 2, Pick: 1, Rows: []fuzzRow{{1}}},
			{Kind: fuzzDelete, Table: fuzzPages, Form: 1, Pick: 1, Rows: []fuzzRow{{2}, {3}, {5}}},
			{Kind: fuzzDelete, Table: fuzzPages},
		}},
		// Composite keys, also with a part that is zero.
		{Ops: []fuzzOp{
			{Kind: fuzzCreate, Table: fuzzLines, Form: 1, Rows: []fuzzRow{{1, 0, 1}, {1, 1, 2}, {2, 1, 3}}},
			{Kind: fuzzUpdate, Table: fuzzLines, Rows: []fuzzRow{{1, 1}}, Sets: []fuzzSet{{Column: 2, Value: 5}}},
			{Kind: fuzzUpdate, Table: fuzzLines, Rows: []fuzzRow{{1, 0}}, Sets: []fuzzSet{{Column: 2, Value: 1, Add: true}}},
			{Kind: fuzzSave, Table: fuzzLines, Rows: []fuzzRow{{2, 1, 4}}},
			{Kind: fuzzSave, Table: fuzzLines, Rows: []fuzzRow{{2, 2, 4}}},
			{Kind: fuzzDelete, Table: fuzzLines, Rows: []fuzzRow{{1, 1}}},
			{Kind: fuzzDelete, Table: fuzzLines, Rows: []fuzzRow{{2, 1}, {2, 2}}},
		}},
	}
}

// fuzzOtherSeeds are further calls, and calls that send nothing.
func fuzzOtherSeeds() []*fuzzScript {
	return []*fuzzScript{
		// FirstOrCreate.
		{Prepare: true, Ops: []fuzzOp{
			fuzzStock(fuzzProducts),
			{Kind: fuzzFirst, Cond: fuzzIfEither(0, 1, 0)},
			{Kind: fuzzFirst, Cond: fuzzIfEither(0, 1, 0), Sets: []fuzzSet{{Column: 2, Value: 5}}},
			{Kind: fuzzFirst, Form: 1, Cond: fuzzIfEither(0, 6, 0), Sets: []fuzzSet{{Column: 2, Value: 5}, {Column: 3, Value: 4}}},
			{Kind: fuzzFirst, Form: 1, Table: fuzzPages, Cond: fuzzIfEither(0, 2, 0), Sets: []fuzzSet{{Column: 2, Value: 5}}},
		}},
		// An upsert with a condition, OR IGNORE, RETURNING, and another key.
		{Filled: true, Batch: 2, Ops: []fuzzOp{
			{Kind: fuzzUpsert, Form: 6, Rows: []fuzzRow{{1, 1, 6, 6}}, Cond: fuzzIfPriceBelow(3), Sets: fuzzAssign(2, 0)},
			{Kind: fuzzUpsert, Form: 6, Rows: []fuzzRow{{1, 1, 5, 6}}, Cond: fuzzIfPriceBelow(3), Sets: fuzzAssign(2, 0)},
			{Kind: fuzzUpsert, Form: 7, Rows: []fuzzRow{{0, 1, 5, 6}}},
			{Kind: fuzzUpsert, Form: 7, Rows: []fuzzRow{{0, 6, 5, 6}}},
			{Kind: fuzzUpdate, Pick: 4, Cond: fuzzIfPriceBelow(6), Sets: []fuzzSet{{Column: 2, Value: 2, Add: true}}},
			{Kind: fuzzDelete, Table: fuzzPages, Pick: 4, Cond: fuzzIfPriceBelow(6)},
			{Kind: fuzzRekey, Form: 5, Mode: 1, Rows: []fuzzRow{{1}}},
			{Kind: fuzzRekey, Form: 7, Cond: fuzzIfPriceBelow(6)},
		}},
		// Calls that send nothing.
		{Ops: []fuzzOp{
			fuzzStock(fuzzProducts),
			{Kind: fuzzUpdate, Form: 5, Cond: fuzzIfPriceBelow(3), Sets: []fuzzSet{{Column: 2, Value: 5}}},
			{Kind: fuzzCreate, Mode: fuzzSilent, Rows: []fuzzRow{{0, 6}}},
			{Kind: fuzzSave, Mode: fuzzMuted, Rows: []fuzzRow{{1, 1, 6, 6}}},
			{Kind: fuzzDelete, Mode: fuzzMuted, Cond: fuzzIfPriceBelow(3)},
		}},
	}
}
