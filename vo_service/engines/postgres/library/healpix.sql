-- HEALPix cells, nested: of a position, of a cone, and their centers.

-- The base cell of a position, and how far it is in it along its two axes, from 0 to 1. The
-- arithmetic is that of cdshealpix (Górski et al. 2005, ApJ 622, 759), so that borders fall alike.
CREATE OR REPLACE FUNCTION pzvo.healpix_place(lon float8, lat float8) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  phi float8;
  theta float8;
  quarter int4;
  x float8;
  y float8;
  base int4;
  east int4;
  west int4;
BEGIN
  IF NOT (abs(lat) <= 90 AND abs(lon) < 1e15) THEN
    RETURN NULL;
  END IF;
  phi := lon - 360 * floor(lon / 360);
  IF phi >= 360 THEN
    phi := 0;
  END IF;
  phi := pzvo.angle_of_degrees(phi) * 1.2732395447351628;
  theta := pzvo.angle_of_degrees(lat);
  quarter := floor(phi)::int4 | 1;
  x := phi - quarter;
  quarter := (quarter & 7) >> 1;
  IF theta > 0.7297276562269663 THEN
    y := 2.449489742783178 * cos(theta / 2 + 0.7853981633974483);
    x := x * y;
    y := 2 - y;
    base := quarter;
  ELSIF theta < -0.7297276562269663 THEN
    y := 2.449489742783178 * cos(theta / 2 - 0.7853981633974483);
    x := x * y;
    base := quarter + 8;
  ELSE
    y := sin(theta) * 1.5;
    east := (x > y)::int4;
    west := (x >= -y)::int4;
    base := ((east + 1 - west) << 2) + ((quarter + (east & west)) & 3);
    x := x - (east + west - 1);
    y := y + (east + 1 - west);
  END IF;
  RETURN ARRAY[base, (y + x) / 2, (y - x) / 2];
END $$;

-- Two coordinates of 29 bits, one bit of each in turn.
CREATE OR REPLACE FUNCTION pzvo.interleaved(i int8, j int8) RETURNS int8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  i := (i | (i << 16)) & 281470681808895;
  j := (j | (j << 16)) & 281470681808895;
  i := (i | (i << 8)) & 71777214294589695;
  j := (j | (j << 8)) & 71777214294589695;
  i := (i | (i << 4)) & 1085102592571150095;
  j := (j | (j << 4)) & 1085102592571150095;
  i := (i | (i << 2)) & 3689348814741910323;
  j := (j | (j << 2)) & 3689348814741910323;
  i := (i | (i << 1)) & 6148914691236517205;
  j := (j | (j << 1)) & 6148914691236517205;
  RETURN i | (j << 1);
END $$;

-- Every second bit, put together.
CREATE OR REPLACE FUNCTION pzvo.every_second_bit(i int8) RETURNS int8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  i := i & 6148914691236517205;
  i := (i | (i >> 1)) & 3689348814741910323;
  i := (i | (i >> 2)) & 1085102592571150095;
  i := (i | (i >> 4)) & 71777214294589695;
  i := (i | (i >> 8)) & 281470681808895;
  RETURN (i | (i >> 16)) & 4294967295;
END $$;

-- The nested cell of an order that a position lies in.
CREATE OR REPLACE FUNCTION pzvo.healpix_index(cell_order int8, lon float8, lat float8) RETURNS int8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  place float8[] := pzvo.healpix_place(lon, lat);
  side int8;
  i int8;
  j int8;
BEGIN
  IF place IS NULL OR cell_order NOT BETWEEN 0 AND 29 THEN
    RETURN NULL;
  END IF;
  side := 1::int8 << cell_order::int4;
  i := least(greatest(trunc(place[2] * side)::int8, 0), side - 1);
  j := least(greatest(trunc(place[3] * side)::int8, 0), side - 1);
  RETURN (place[1]::int8 << (2 * cell_order::int4)) | pzvo.interleaved(i, j);
END $$;

-- The center of a nested cell; NULL for one that is not there.
CREATE OR REPLACE FUNCTION pzvo.healpix_center(cell_order int8, cell int8) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  shift int4;
  side int8;
  base int4;
  inner_cell int8;
  i int8;
  j int8;
  ring int8;
  length int8;
  lat float8;
  step int8;
BEGIN
  IF cell_order NOT BETWEEN 0 AND 29 OR cell < 0 THEN
    RETURN NULL;
  END IF;
  shift := 2 * cell_order::int4;
  IF cell >> shift >= 12 THEN
    RETURN NULL;
  END IF;
  side := 1::int8 << cell_order::int4;
  base := (cell >> shift)::int4;
  inner_cell := cell & ((1::int8 << shift) - 1);
  i := pzvo.every_second_bit(inner_cell);
  j := pzvo.every_second_bit(inner_cell >> 1);
  ring := (base / 4 + 2) * side - i - j - 1;
  IF ring < side THEN
    length := ring;
    lat := 90 - degrees(2 * asin(ring / (side * sqrt(6::float8))));
  ELSIF ring > 3 * side THEN
    length := 4 * side - ring;
    lat := degrees(2 * asin(length / (side * sqrt(6::float8)))) - 90;
  ELSE
    length := side;
    lat := degrees(asin((2 * side - ring) * 2::float8 / (3 * side)));
  END IF;
  step := CASE WHEN base / 4 = 1 THEN 2 * (base % 4) ELSE 2 * (base % 4) + 1 END * length + i - j;
  step := CASE WHEN step < 0 THEN step + 8 * length ELSE step END;
  RETURN ARRAY[45 * (step::float8 / length), lat];
END $$;

-- A cell by its base cell and its place in it, which may be one beyond the border: tables of
-- Górski et al. for the nine directions (from south to north) and the twelve base cells, and for
-- the three rows of these.
CREATE OR REPLACE FUNCTION pzvo.healpix_cell(cell_order int4, base int4, i int8, j int8)
RETURNS int8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  faces constant int4[] := '{8,9,10,11,-1,-1,-1,-1,10,11,8,9, 5,6,7,4,8,9,10,11,9,10,11,8,
    -1,-1,-1,-1,5,6,7,4,-1,-1,-1,-1, 4,5,6,7,11,8,9,10,11,8,9,10, 0,1,2,3,4,5,6,7,8,9,10,11,
    1,2,3,0,0,1,2,3,5,6,7,4, -1,-1,-1,-1,7,4,5,6,-1,-1,-1,-1, 3,0,1,2,3,0,1,2,4,5,6,7,
    2,3,0,1,-1,-1,-1,-1,0,1,2,3}';
  turns constant int4[] := '{0,0,3,0,0,6,0,0,0,0,0,5,0,0,0,5,0,0,0,0,0,6,0,0,3,0,0}';
  side int8 := 1::int8 << cell_order;
  direction int4 := 4;
  turn int4;
  face int4;
BEGIN
  IF i < 0 THEN
    i := i + side; direction := direction - 1;
  ELSIF i >= side THEN
    i := i - side; direction := direction + 1;
  END IF;
  IF j < 0 THEN
    j := j + side; direction := direction - 3;
  ELSIF j >= side THEN
    j := j - side; direction := direction + 3;
  END IF;
  face := faces[12 * direction + base + 1];
  IF face < 0 THEN
    RETURN NULL;
  END IF;
  turn := turns[3 * direction + base / 4 + 1];
  IF turn & 1 > 0 THEN i := side - 1 - i; END IF;
  IF turn & 2 > 0 THEN j := side - 1 - j; END IF;
  IF turn & 4 > 0 THEN
    RETURN (face::int8 << (2 * cell_order)) | pzvo.interleaved(j, i);
  END IF;
  RETURN (face::int8 << (2 * cell_order)) | pzvo.interleaved(i, j);
END $$;

-- Ranges of cells of order 29, both ends included and apart, that hold every position of a cone.
-- Cells are four times the radius wide or more (an order has cells at least 38 degrees over the
-- cells along a base cell from side to side), so that the cell of the center and those of its
-- neighbours that the cone may reach suffice. Above 19 degrees it is the whole sphere.
CREATE OR REPLACE FUNCTION pzvo.cone_ranges(ra float8, decl float8, radius_deg float8)
RETURNS TABLE (lo int8, hi int8)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE ROWS 3 AS $$
DECLARE
  place float8[] := pzvo.healpix_place(ra, decl);
  reach float8;
  cell_order int4;
  side int8;
  shift int4;
  i int8;
  j int8;
  part_i float8;
  part_j float8;
  cell int8;
  seen int8[] := '{}';
BEGIN
  IF radius_deg < 0 OR radius_deg = 'NaN' THEN
    RETURN;
  ELSIF place IS NULL OR radius_deg > 18.99 THEN
    lo := 0; hi := (12::int8 << 58) - 1;
    RETURN NEXT;
    RETURN;
  END IF;
  reach := radius_deg * (1 + 1e-9) + 1e-9;
  cell_order := least(29, greatest(1, floor(ln(9.5 / reach) / ln(2::float8))::int4));
  side := 1::int8 << cell_order;
  shift := 58 - 2 * cell_order;
  i := least(greatest(trunc(place[2] * side)::int8, 0), side - 1);
  j := least(greatest(trunc(place[3] * side)::int8, 0), side - 1);
  part_i := place[2] * side - i;
  part_j := place[3] * side - j;
  -- The rounding of a place is 1e-7 of the smallest cell.
  reach := reach * side / 38 + 1e-6;
  -- Comparisons are 1 or 0 cells to each side.
  FOR a IN -(part_i <= reach)::int4..(1 - part_i <= reach)::int4 LOOP
    FOR b IN -(part_j <= reach)::int4..(1 - part_j <= reach)::int4 LOOP
      cell := pzvo.healpix_cell(cell_order, place[1]::int4, i + a, j + b);
      IF cell IS NOT NULL AND NOT cell = ANY (seen) THEN
        seen := seen || cell;
        lo := cell << shift;
        hi := ((cell + 1) << shift) - 1;
        RETURN NEXT;
      END IF;
    END LOOP;
  END LOOP;
END $$;
