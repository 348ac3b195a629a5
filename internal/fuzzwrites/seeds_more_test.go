package fuzzwrites_test

// fuzzReceiverSeeds are calls whose receivers refuse, change and write, inside and outside transactions.
func fuzzReceiverSeeds() []*fuzzScript {
	raise := []fuzzSet{{Column: 2, Value: 1, Add: true}}
	return []*fuzzScript{
		{Veto: 1, Ops: []fuzzOp{{Kind: fuzzCreate, Rows: []fuzzRow{{0, 1}}}, {Kind: fuzzCreate, Rows: []fuzzRow{{0, 1}}}}},
		{Veto: 4, Ops: []fuzzOp{{Kind: fuzzCreate, Form: 1, Rows: []fuzzRow{{0, 1}, {0, 2}, {0, 3}}}}},
		{Veto: 4, Plain: true, Ops: []fuzzOp{{Kind: fuzzAssociate, Table: 3, Rows: []fuzzRow{{}, {}, {}}}}},
		{Veto: 4, Plain: true, Ops: []fuzzOp{{Kind: fuzzCreate, Form: 1, Rows: []fuzzRow{{0, 1}, {0, 2}, {0, 3}}}}},
		{Veto: 15, Batch: 2, Plain: true, Ops: []fuzzOp{fuzzStock(fuzzProducts), {Kind: fuzzUpdate, Pick: 6, Sets: raise}}},
		{Veto: 16, Batch: 2, Ops: []fuzzOp{fuzzStock(fuzzPages), {Kind: fuzzDelete, Table: fuzzPages, Pick: 6}}},
		{Veto: 4, Ops: []fuzzOp{
			{Kind: fuzzCreate, Rows: []fuzzRow{{0, 1, 2, 3}}},
			{Kind: fuzzSave, Rows: []fuzzRow{{5, 2, 2, 3}}}, // the INSERT that GORM runs without hooks
		}},
		// A Save that inserts has two transactions. The refused insert is in the second; pets and writes of receivers before it are in the first.
		{Veto: 4, Plain: true, Ops: []fuzzOp{{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzSaveOwner, Rows: []fuzzRow{{4}, {}}}}},
		{Veto: 4, Ops: []fuzzOp{{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzSaveOwner, Rows: []fuzzRow{{4}, {}}}}},
		{Veto: 6, Filled: true, Rule: fuzzRule{Nest: 1, Set: 1, To: 4}, Ops: []fuzzOp{
			{Kind: fuzzSave, Pick: 2, Rows: []fuzzRow{{4, 6}}, Sets: []fuzzSet{{Column: 2, Value: 3}}},
		}},
		// A pet is refused in the transaction of its owner's Save, which the library has begun.
		{Veto: 4, Plain: true, Filled: true, Ops: []fuzzOp{
			{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzSaveOwner, Rows: []fuzzRow{{1}, {}, {3, 3}}},
		}},
		// The savepoint is rolled back, the transaction is not.
		{Veto: 8, Ops: []fuzzOp{
			{Kind: fuzzTx, Ops: []fuzzOp{
				{Kind: fuzzCreate, Rows: []fuzzRow{{0, 1, 2, 3}}},
				{Kind: fuzzTx, Form: 2, Ops: []fuzzOp{
					{Kind: fuzzCreate, Rows: []fuzzRow{{0, 2, 2, 3}}},
					{Kind: fuzzUpdate, Cond: fuzzIfPriceBelow(5), Sets: raise},
				}},
				{Kind: fuzzCreate, Rows: []fuzzRow{{0, 3, 2, 3}}},
				{Kind: fuzzTx, Form: 3, Ops: []fuzzOp{{Kind: fuzzDelete, Form: 1, Rows: []fuzzRow{{1}}}}},
			}},
			{Kind: fuzzTx, Form: 1, Ops: []fuzzOp{{Kind: fuzzDelete, Form: 1, Rows: []fuzzRow{{1}}}}},
		}},
		// A receiver that changes one row of a batch changes that row alone.
		{Batch: 3, More: 1, Rule: fuzzRule{On: true, If: 1, Is: 2, Set: 2, To: 6}, Ops: []fuzzOp{
			fuzzStock(fuzzProducts),
			{Kind: fuzzUpdate, Cond: fuzzIfPriceBelow(4), Sets: raise},
			{Kind: fuzzUpdate, Form: 1, Cond: fuzzIfPriceBelow(6), Sets: []fuzzSet{{Column: 3, Value: 5}}},
			{Kind: fuzzCreateMap, Rows: []fuzzRow{{0, 6, 2, 3}}},
			{Kind: fuzzSave, Rows: []fuzzRow{{2, 2, 1, 1}}},
			{Kind: fuzzUpsert, Form: 2, Rows: []fuzzRow{{2, 2, 1, 1}, {5, 0, 1, 1}}},
		}},
		// A unique value twice.
		{Rule: fuzzRule{On: true, If: 2, Is: 2, Set: 1, To: 1}, Ops: []fuzzOp{
			fuzzStock(fuzzProducts),
			{Kind: fuzzUpdate, Rows: []fuzzRow{{3}}, Sets: []fuzzSet{{Column: 2, Value: 2}}},
		}},
		// A row becomes soft-deleted.
		{Rule: fuzzRule{On: true, Table: fuzzPages, If: 2, Is: 5, Set: 3, To: 1}, Ops: []fuzzOp{
			fuzzStock(fuzzPages),
			{Kind: fuzzUpdate, Table: fuzzPages, Rows: []fuzzRow{{1}, {2}}, Sets: []fuzzSet{{Column: 2, Value: 5}}},
			{Kind: fuzzSave, Table: fuzzPages, Rows: []fuzzRow{{1, 1, 1, 0}}},
		}},
		// Receivers that write.
		{Batch: 1, Rule: fuzzRule{Nest: 2, Set: 1, To: 3}, Ops: []fuzzOp{
			{Kind: fuzzCreate, Table: fuzzOwners, Form: 1, Rows: []fuzzRow{{0, 1}, {0, 2}}},
			fuzzStock(fuzzProducts),
			{Kind: fuzzUpdate, Cond: fuzzIfPriceBelow(4), Sets: raise},
		}},
		{Veto: 9, Rule: fuzzRule{Nest: 3, Table: fuzzPages, Set: 1, To: 3}, Ops: []fuzzOp{
			{Kind: fuzzCreate, Table: fuzzOwners, Rows: []fuzzRow{{0, 1}}},
			{Kind: fuzzCreate, Table: fuzzPages, Form: 1, Rows: []fuzzRow{{0, 1}, {0, 2}}},
			{Kind: fuzzDelete, Table: fuzzPages, Pick: 6},
		}},
	}
}

// fuzzFamilySeeds write owners and pets together.
func fuzzFamilySeeds() []*fuzzScript {
	return []*fuzzScript{
		{More: 2, Ops: []fuzzOp{
			{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzCreateOwner, Rows: []fuzzRow{{0, 1}, {0, 2}, {5, 3}}},
			{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzCreateOwners, Rows: []fuzzRow{{2, 5}, {3, 1}}},
			{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzSaveOwner, Rows: []fuzzRow{{2, 6}, {5, 2}, {0, 1}}},
			{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzSaveOwner, Rows: []fuzzRow{{6, 6}, {5, 2}, {0, 1}}},
			{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzFullSave, Rows: []fuzzRow{{0, 6}, {5, 4}, {0, 1}}},
		}},
		{Ops: []fuzzOp{
			{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzCreatePet, Rows: []fuzzRow{{0, 1}, {0, 2}}},
			{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzCreatePet, Rows: []fuzzRow{{1, 5}, {0, 2}}},
			{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzCreatePets, Rows: []fuzzRow{{0, 5}, {0, 2}, {0, 3}}},
			{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzAppendPets, Rows: []fuzzRow{{1}, {2, 6}, {0, 3}}},
			{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzDeleteWithPets, Rows: []fuzzRow{{1}}},
		}},
		{Veto: 3, Ops: []fuzzOp{
			{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzCreateOwner, Rows: []fuzzRow{{0, 1}, {0, 2}, {0, 3}}},
			{Kind: fuzzAssociate, Table: fuzzOwners, Form: fuzzCreateOwner, Mode: fuzzSilent, Rows: []fuzzRow{{0, 1}, {0, 2}}},
		}},
	}
}

// fuzzCornerSeeds are scripts on which the library and the model once differed.
func fuzzCornerSeeds() []*fuzzScript {
	return []*fuzzScript{
		// An OR binds weaker than the key that GORM adds to a delete.
		{Ops: []fuzzOp{fuzzStock(fuzzProducts), {Kind: fuzzDelete, Mode: 1, Rows: []fuzzRow{{3}}, Cond: fuzzIfEither(2, 1, 1)}}},
		{Ops: []fuzzOp{
			fuzzStock(fuzzPages),
			{Kind: fuzzDelete, Mode: 1, Table: fuzzPages, Rows: []fuzzRow{{3}}, Cond: fuzzIfEither(2, 1, 1)},
		}},
		// The scope of a soft delete puts the OR in parentheses before GORM adds the key to an update.
		{Ops: []fuzzOp{fuzzStock(fuzzPages), {
			Kind: fuzzUpdate, Mode: 1, Table: fuzzPages, Rows: []fuzzRow{{3}}, Cond: fuzzIfEither(2, 1, 1),
			Sets: []fuzzSet{{Column: 2, Value: 6}},
		}}},
		// A row that DO NOTHING skips does not conflict with the next row.
		{Ops: []fuzzOp{fuzzStock(fuzzProducts), {Kind: fuzzUpsert, Rows: []fuzzRow{{1, 6}, {5, 6}}}}},
		// A key with a part that is zero is a key.
		{Ops: []fuzzOp{
			{Kind: fuzzCreate, Table: fuzzLines, Rows: []fuzzRow{{1, 0, 1}}},
			{Kind: fuzzUpdate, Table: fuzzLines, Pick: 6, Sets: []fuzzSet{{Column: 2, Value: 1, Add: true}}},
		}},
		// A row that gets another key is not handled a second time.
		{Batch: 1, Ops: []fuzzOp{
			{Kind: fuzzCreate, Table: fuzzPages, Rows: []fuzzRow{{1, 1, 1}}},
			{Kind: fuzzRekey, Table: fuzzPages, Form: 6, Pick: 6},
		}},
		// If a later batch fails, RowsAffected is 0.
		{Batch: 1, Ops: []fuzzOp{fuzzStock(fuzzProducts), {Kind: fuzzUpdate, Pick: 6, Sets: []fuzzSet{{Column: 1, Value: 6}}}}},
		// Columns that Select and Omit keep out of an INSERT are no changes.
		{Ops: []fuzzOp{
			{Kind: fuzzCreate, Pick: 2, Rows: []fuzzRow{{0, 1, 2, 3}}, Sets: []fuzzSet{{Column: 2}}},
			{Kind: fuzzCreate, Pick: 1, Rows: []fuzzRow{{0, 2, 2, 3}}, Sets: []fuzzSet{{Column: 1}}},
			{Kind: fuzzSave, Pick: 2 * fuzzSaveOmit, Rows: []fuzzRow{{5, 6, 6, 6}}, Sets: []fuzzSet{{Column: 3}}},
			{Kind: fuzzCreate, Table: fuzzPages, Rows: []fuzzRow{{3, 2, 3, 1}}},
			{Kind: fuzzSave, Table: fuzzPages, Pick: 2 * fuzzSaveOmit, Rows: []fuzzRow{{3, 6, 6, 0}}, Sets: []fuzzSet{{Column: 1}}},
		}},
	}
}
