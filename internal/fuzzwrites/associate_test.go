package fuzzwrites_test

import (
	"gorm.io/gorm"
)

// Calls that write owners and pets together, and their predictions.

const (
	fuzzCreateOwner  = iota // an owner with pets
	fuzzCreateOwners        // owners with a pet each
	fuzzSaveOwner
	fuzzCreatePet // a pet with its owner
	fuzzAppendPets
	fuzzDeleteWithPets
	fuzzFullSave // an owner with pets, of which GORM writes all columns
	fuzzCreatePets
)

// family returns the rows of the call: the first one and the others.
func (op *fuzzOp) family() (first fuzzRow, others []fuzzRow) {
	if len(op.Rows) == 0 {
		return first, nil
	}
	return op.Rows[0], op.Rows[1:]
}

func newFuzzOwner(r fuzzRow, pets ...fuzzRow) *fuzzOwner {
	owner := &fuzzOwner{}
	owner.fill(r)
	for _, p := range pets {
		var pet fuzzPet
		pet.fill(p)
		owner.Pets = append(owner.Pets, pet)
	}
	return owner
}

// swapped returns the pet of an owner's row in fuzzCreateOwners.
func swapped(r fuzzRow) fuzzRow { return fuzzRow{r[1], r[0]} }

func (op *fuzzOp) associate(db *gorm.DB) (affected int64, dest any, err error) {
	first, others := op.family()
	var tx *gorm.DB
	switch op.Form {
	case fuzzCreateOwners:
		owners := make([]*fuzzOwner, len(op.Rows))
		for i, r := range op.Rows {
			owners[i] = newFuzzOwner(r, swapped(r))
		}
		tx, dest = db.Create(&owners), &owners
	case fuzzCreatePet, fuzzCreatePets:
		owner := newFuzzOwner(first)
		pets := make([]*fuzzPet, max(len(others), 1))
		for i := range pets {
			pets[i] = &fuzzPet{Owner: owner}
			if i < len(others) {
				pets[i].fill(others[i])
			}
		}
		if dest = pets; op.Form == fuzzCreatePet {
			pets[0].Owner, pets = owner, pets[:1]
			dest = pets[0]
		}
		tx = db.Create(dest)
	case fuzzAppendPets:
		owner := newFuzzOwner(fuzzRow{first[0]})
		pets := newFuzzOwner(fuzzRow{}, others...).Pets
		return 0, owner, db.Model(owner).Association("Pets").Append(pets)
	case fuzzDeleteWithPets:
		owner := newFuzzOwner(first)
		tx, dest = db.Select("Pets").Delete(owner), owner
	default:
		owner := newFuzzOwner(first, others...)
		dest = owner
		switch op.Form {
		case fuzzSaveOwner:
			tx = db.Save(owner)
		case fuzzFullSave:
			tx = db.Session(&gorm.Session{FullSaveAssociations: true}).Create(owner)
		default:
			tx = db.Create(owner)
		}
	}
	return tx.RowsAffected, dest, tx.Error
}

// predictAssociate predicts the calls on owners and pets.
func (w *fuzzWorld) predictAssociate(op *fuzzOp) error {
	first, others := op.family()
	link := &fuzzConflict{sets: []fuzzSet{{Column: 2}}, target: []int{0}, quiet: true}
	switch op.Form {
	case fuzzCreateOwners:
		owners := pointersTo(op.Rows)
		if len(owners) == 0 {
			return errFuzzSQL
		}
		return w.insert(fuzzOwners, owners, nil, nil, nil, func() error {
			var pets []*fuzzRow
			for i, r := range op.Rows {
				pet := swapped(r)
				pet[2] = owners[i][0]
				pets = append(pets, &pet)
			}
			return w.insertPets(pets, link)
		})
	case fuzzCreatePet, fuzzCreatePets:
		if len(others) == 0 {
			others = []fuzzRow{{}}
		}
		if op.Form == fuzzCreatePet {
			others = others[:1]
		}
		pets := pointersTo(others)
		return w.insert(fuzzPets, pets, nil, nil, func() error {
			owner := first
			owners := []*fuzzRow{&owner}
			for owner[0] == 0 && len(owners) < len(pets) { // GORM writes an owner without a key once for each pet
				owners = append(owners, &owner)
			}
			if err := w.insert(fuzzOwners, owners, &fuzzConflict{nothing: true, quiet: true}, nil, nil, nil); err != nil {
				return err
			}
			for _, pet := range pets {
				pet[2] = owner[0]
			}
			return nil
		}, nil)
	case fuzzAppendPets:
		return w.insertPets(petsOf(first[0], others), link)
	case fuzzDeleteWithPets:
		return w.predictDeleteWithPets(first)
	case fuzzSaveOwner:
		if first[0] != 0 {
			return w.saveOne(fuzzOwners, first, func(fuzzRow) bool { return true }, func() error { return w.insertPets(petsOf(first[0], others), link) })
		}
	case fuzzFullSave:
		link = &fuzzConflict{all: true, target: []int{0}, quiet: true}
	}
	return w.insert(fuzzOwners, []*fuzzRow{&first}, nil, nil, nil, func() error {
		return w.insertPets(petsOf(first[0], others), link)
	})
}

func (w *fuzzWorld) predictDeleteWithPets(owner fuzzRow) error {
	pets := func() error {
		if owner[0] == 0 {
			return nil
		}
		return w.erase(fuzzPets, func(r fuzzRow) bool { return r[2] == owner[0] }, false, nil)
	}
	if owner[0] == 0 {
		return errFuzzSQL
	}
	return w.erase(fuzzOwners, func(r fuzzRow) bool { return r[0] == owner[0] }, false, pets)
}

// petsOf sets the key of their owner in pets.
func petsOf(owner int, rows []fuzzRow) []*fuzzRow {
	pets := pointersTo(rows)
	for _, pet := range pets {
		pet[2] = owner
	}
	return pets
}

// insertPets predicts the upsert of an association. GORM leaves out pets with the key of an earlier one.
func (w *fuzzWorld) insertPets(pets []*fuzzRow, link *fuzzConflict) error {
	var distinct []*fuzzRow
	seen := map[int]bool{}
	for _, pet := range pets {
		if pet[0] == 0 || !seen[pet[0]] {
			distinct = append(distinct, pet)
		}
		seen[pet[0]] = true
	}
	if len(distinct) == 0 {
		return nil
	}
	return w.insert(fuzzPets, distinct, link, nil, nil, nil)
}
