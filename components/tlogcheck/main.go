// Copyright (c) 2026 governed.delivery contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Tlogcheck verifies a ledger (https://c2sp.org/tlog-tiles) and its proofs (https://c2sp.org/tlog-proof) with the
// libraries that check Go's checksum database. It shares no code with the collection: what it accepts, outsiders accept.
//
//	tlogcheck KEY ledger DIRECTORY [OLDER-CHECKPOINT]   every entry is included; the older checkpoint is a prefix
//	tlogcheck KEY proof PROOF ENTRY                     the entry is included, by the proof alone
//
// KEY is a verifier key (https://c2sp.org/signed-note). Exit code 0: it holds; 1: it does not; 2: wrong arguments.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height, width = 8, 1 << 8

func main() {
	var said string
	var err error
	switch arguments := os.Args[1:]; {
	case (len(arguments) == 3 || len(arguments) == 4) && arguments[1] == "ledger":
		said, err = checkLedger(arguments[0], arguments[2], strings.Join(arguments[3:], ""))
	case len(arguments) == 4 && arguments[1] == "proof":
		said, err = checkProof(arguments[0], arguments[2], arguments[3])
	default:
		fmt.Fprintln(os.Stderr, "tlogcheck KEY ledger DIRECTORY [OLDER-CHECKPOINT] | tlogcheck KEY proof PROOF ENTRY")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tlogcheck:", err)
		os.Exit(1)
	}
	fmt.Println(said)
}

// openCheckpoint checks the signature and reads origin, size and root; the origin has to be the key's name.
func openCheckpoint(key string, message []byte) (tree tlog.Tree, err error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		return tree, fmt.Errorf("checkpoint: %w", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tree, fmt.Errorf("checkpoint: not three lines that begin with %q", verifier.Name())
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil || tree.N < 0 || lines[1] != strconv.FormatInt(tree.N, 10) {
		return tree, fmt.Errorf("checkpoint: size %q", lines[1])
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// directory reads tiles of a ledger; Go's paths have the tile height in them, tlog-tiles' have not.
type directory string

func (d directory) read(tile tlog.Tile) ([]byte, error) {
	path := strings.Replace(strings.Replace(tile.Path(), "tile/8/", "tile/", 1), "tile/data/", "tile/entries/", 1)
	return os.ReadFile(filepath.Join(string(d), filepath.FromSlash(path)))
}

func (d directory) Height() int                         { return height }
func (d directory) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (d directory) ReadTiles(tiles []tlog.Tile) (contents [][]byte, err error) {
	for _, tile := range tiles {
		content, err := d.read(tile)
		if err != nil {
			return nil, err
		}
		contents = append(contents, content)
	}
	return contents, nil
}

// entries of one bundle: each has its length before it, in two bytes.
func (d directory) entries(number int64, count int) (entries [][]byte, err error) {
	rest, err := d.read(tlog.Tile{H: height, L: -1, N: number, W: count})
	for err == nil && len(rest) >= 2 && len(rest) >= 2+int(binary.BigEndian.Uint16(rest)) {
		end := 2 + int(binary.BigEndian.Uint16(rest))
		entries, rest = append(entries, rest[2:end]), rest[end:]
	}
	if err == nil && (len(rest) > 0 || len(entries) != count) {
		err = fmt.Errorf("bundle %d: %d entries and %d odd bytes, not %d entries", number, len(entries), len(rest), count)
	}
	return entries, err
}

func checkLedger(key, path, older string) (string, error) {
	d := directory(path)
	message, err := os.ReadFile(filepath.Join(path, "checkpoint"))
	if err != nil {
		return "", err
	}
	tree, err := openCheckpoint(key, message)
	if err != nil {
		return "", err
	}
	tiles := tlog.TileHashReader(tree, d) // believes no tile that does not lead to the checkpoint's root
	var stored []tlog.Hash
	own := tlog.HashReaderFunc(func(indexes []int64) (hashes []tlog.Hash, err error) {
		for _, index := range indexes {
			hashes = append(hashes, stored[index])
		}
		return hashes, nil
	})
	for start := int64(0); start < tree.N; start += width {
		entries, err := d.entries(start/width, int(min(width, tree.N-start)))
		if err != nil {
			return "", err
		}
		indexes := make([]int64, len(entries))
		for i := range entries {
			indexes[i] = tlog.StoredHashIndex(0, start+int64(i))
		}
		leaves, err := tiles.ReadHashes(indexes)
		if err != nil {
			return "", err
		}
		for i, entry := range entries {
			if leaves[i] != tlog.RecordHash(entry) {
				return "", fmt.Errorf("entry %d: its hash is not that in its tile", start+int64(i))
			}
			hashes, err := tlog.StoredHashes(start+int64(i), entry, own)
			if err != nil {
				return "", err
			}
			stored = append(stored, hashes...)
		}
	}
	if root, err := tlog.TreeHash(tree.N, own); err != nil || root != tree.Hash {
		return "", fmt.Errorf("the entries' root is %v, the checkpoint's %v", root, tree.Hash)
	}
	for i := int64(0); i < tree.N; i++ {
		proof, err := tlog.ProveRecord(tree.N, i, own)
		if err == nil {
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, i, stored[tlog.StoredHashIndex(0, i)])
		}
		if err != nil {
			return "", fmt.Errorf("entry %d: %w", i, err)
		}
	}
	said := fmt.Sprintf("%d entries included", tree.N)
	if older == "" {
		return said, nil
	}
	if message, err = os.ReadFile(older); err != nil {
		return "", err
	}
	before, err := openCheckpoint(key, message)
	if err != nil {
		return "", err
	}
	if before.N > tree.N {
		return "", fmt.Errorf("%d entries, fewer than the older checkpoint's %d", tree.N, before.N)
	}
	if before.N > 0 {
		proof, err := tlog.ProveTree(tree.N, before.N, tiles)
		if err == nil {
			err = tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash)
		}
		if err != nil {
			return "", fmt.Errorf("not consistent with the older checkpoint of size %d: %w", before.N, err)
		}
	}
	return fmt.Sprintf("%s; consistent with the checkpoint of size %d", said, before.N), nil
}

func checkProof(key, proofPath, entryPath string) (string, error) {
	text, err := os.ReadFile(proofPath)
	if err != nil {
		return "", err
	}
	entry, err := os.ReadFile(entryPath)
	if err != nil {
		return "", err
	}
	head, message, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		return "", fmt.Errorf("%s: not a c2sp.org/tlog-proof@v1", proofPath)
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 {
		return "", fmt.Errorf("%s: no index", proofPath)
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil {
		return "", err
	}
	var proof tlog.RecordProof
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return "", err
		}
		proof = append(proof, hash)
	}
	tree, err := openCheckpoint(key, []byte(message))
	if err != nil {
		return "", err
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
		return "", err
	}
	return fmt.Sprintf("entry %d of %d included", index, tree.N), nil
}
