-- Chains keep for good how their epochs gave over: the relay asks them.
DROP TABLE relay_epochs;

-- Several pegs may have ports on one chain: what a port says to all is about that port. It is read again.
DELETE FROM crossing_facts WHERE kind = 'peg' AND subject IS NULL;
DELETE FROM crossing_cursors WHERE kind = 'peg';
