-- Polygons of great-circle arcs, as vo_service.engines.sphere.polygons has them.
--
-- A prepared shape is an array of doubles. Point: 2, unit vector, 0. Circle: 3, unit vector, radius
-- in degrees. Polygon of n vertices: 2n, area in steradian, whether the first and the second
-- reference are inside, unit vector and cosine of a cap that holds it, and for each vertex the
-- unit vector and the normal of the arc that starts there; 0 where the vertex is repeated. The
-- inside is on the left of the arcs. Constant shapes are prepared once per query.

-- The signed area of a triangle in steradian (Eriksson 1990).
CREATE OR REPLACE FUNCTION pzvo.triangle(
  ax float8, ay float8, az float8, bx float8, by float8, bz float8, cx float8, cy float8, cz float8
) RETURNS float8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  ux float8 := bx - ax; uy float8 := by - ay; uz float8 := bz - az;
  vx float8 := cx - ax; vy float8 := cy - ay; vz float8 := cz - az;
BEGIN
  RETURN 2 * atan2(
    ax * (uy * vz - uz * vy) + ay * (uz * vx - ux * vz) + az * (ux * vy - uy * vx),
    1 + (ax * bx + ay * by + az * bz) + (bx * cx + by * cy + bz * cz)
      + (cx * ax + cy * ay + cz * az));
END $$;

-- Prepare a shape; NULL for numbers that are none.
CREATE OR REPLACE FUNCTION pzvo.shape(numbers float8[]) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  n int4 := cardinality(numbers) / 2;
  v float8[];
  p float8[];
  lon float8;
  lat float8;
  area float8 := 0;
  a int4;
  b int4;
  c int4;
  ux float8; uy float8; uz float8;
  wx float8; wy float8; wz float8;
  size float8;
  lowest float8;
BEGIN
  IF NOT pzvo.is_shape(numbers) THEN
    RETURN NULL;
  END IF;
  v := array_fill(0::float8, ARRAY[3 * n]);
  FOR i IN 1..n LOOP
    lon := pzvo.angle_of_degrees(numbers[2 * i - 1]);
    lat := pzvo.angle_of_degrees(numbers[2 * i]);
    v[3 * i - 2] := cos(lat) * cos(lon);
    v[3 * i - 1] := cos(lat) * sin(lon);
    v[3 * i] := sin(lat);
  END LOOP;
  IF n = 1 THEN
    RETURN ARRAY[cardinality(numbers), v[1], v[2], v[3],
                 least(greatest(coalesce(numbers[3], 0), -1e6), 1e6)];
  END IF;
  FOR i IN 2..n - 1 LOOP
    a := 3 * i - 2;
    area := area + pzvo.triangle(
      v[1], v[2], v[3], v[a], v[a + 1], v[a + 2], v[a + 3], v[a + 4], v[a + 5]);
  END LOOP;
  area := area - 4 * pi() * round(area / (4 * pi()));
  p := array_fill(0::float8, ARRAY[8 + 6 * n]);
  p[1] := 2 * n;
  p[2] := abs(area);
  FOR i IN 1..n LOOP
    -- The inside is the smaller of the two sides: the other way round where it is on the right.
    a := 3 * CASE WHEN area < 0 THEN n + 1 - i ELSE i END - 2;
    b := 3 + 6 * i;
    p[b] := v[a]; p[b + 1] := v[a + 1]; p[b + 2] := v[a + 2];
    p[5] := p[5] + v[a]; p[6] := p[6] + v[a + 1]; p[7] := p[7] + v[a + 2];
  END LOOP;
  FOR i IN 1..n LOOP
    b := 3 + 6 * i;
    c := CASE WHEN i < n THEN b + 6 ELSE 9 END;
    -- a x b = (a - b) x (a + b) / 2 is precise for neighbours too.
    ux := p[b] - p[c]; uy := p[b + 1] - p[c + 1]; uz := p[b + 2] - p[c + 2];
    wx := p[b] + p[c]; wy := p[b + 1] + p[c + 1]; wz := p[b + 2] + p[c + 2];
    lon := (uy * wz - uz * wy) / 2;
    lat := (uz * wx - ux * wz) / 2;
    size := (ux * wy - uy * wx) / 2;
    area := sqrt(lon * lon + lat * lat + size * size);
    IF area > 1e-15 THEN
      p[b + 3] := lon / area; p[b + 4] := lat / area; p[b + 5] := size / area;
    END IF;
  END LOOP;
  -- A cap up to a hemisphere is convex, and so holds the arcs between its points.
  size := sqrt(p[5] * p[5] + p[6] * p[6] + p[7] * p[7]);
  lowest := 1;
  IF size >= 1e-6 THEN
    p[5] := p[5] / size; p[6] := p[6] / size; p[7] := p[7] / size;
    FOR i IN 1..n LOOP
      b := 3 + 6 * i;
      lowest := least(lowest, p[b] * p[5] + p[b + 1] * p[6] + p[b + 2] * p[7]);
    END LOOP;
  ELSE
    lowest := -1;
  END IF;
  p[8] := CASE WHEN lowest > 1e-6 THEN lowest - 1e-14 ELSE -2 END;
  p[3] := pzvo.polygon_has_reference(
    p, 0.23570374287995946, -0.5713160043131109, 0.7861563259352935)::int4;
  p[4] := pzvo.polygon_has_reference(
    p, -0.6123724390281607, 0.35355338943890835, -0.7071067788778167)::int4;
  RETURN p;
END $$;

-- Whether a reference is inside: cross to the middle of the longest arc, and look left.
CREATE OR REPLACE FUNCTION pzvo.polygon_has_reference(p float8[], rx float8, ry float8, rz float8)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  n int4 := p[1]::int4 / 2;
  longest int4 := 1;
  size float8;
  largest float8 := -1;
  b int4;
  c int4;
  x float8; y float8; z float8;
BEGIN
  FOR i IN 1..n LOOP
    b := 3 + 6 * i;
    c := CASE WHEN i < n THEN b + 6 ELSE 9 END;
    size := pzvo.angle(p[b], p[b + 1], p[b + 2], p[c], p[c + 1], p[c + 2]);
    IF size > largest THEN
      largest := size;
      longest := i;
    END IF;
  END LOOP;
  b := 3 + 6 * longest;
  c := CASE WHEN longest < n THEN b + 6 ELSE 9 END;
  x := p[b] + p[c]; y := p[b + 1] + p[c + 1]; z := p[b + 2] + p[c + 2];
  size := sqrt(x * x + y * y + z * z);
  IF size = 0 THEN
    RETURN false;
  END IF;
  RETURN (p[b + 3] * rx + p[b + 4] * ry + p[b + 5] * rz > 0)
    <> (pzvo.polygon_crossings(p, x / size, y / size, z / size, rx, ry, rz, longest) % 2 = 1);
END $$;

-- How many arcs but one the arc from a point to a reference crosses.
CREATE OR REPLACE FUNCTION pzvo.polygon_crossings(
  p float8[], x float8, y float8, z float8, rx float8, ry float8, rz float8, skip int4
) RETURNS int4 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  n int4 := p[1]::int4 / 2;
  b int4;
  c int4;
  qx float8 := ((y - ry) * (z + rz) - (z - rz) * (y + ry)) / 2;
  qy float8 := ((z - rz) * (x + rx) - (x - rx) * (z + rz)) / 2;
  qz float8 := ((x - rx) * (y + ry) - (y - ry) * (x + rx)) / 2;
  side boolean;
  next_side boolean := qx * p[9] + qy * p[10] + qz * p[11] >= 0;
  start float8;
  size float8;
  found int4 := 0;
BEGIN
  FOR i IN 1..n LOOP
    b := 3 + 6 * i;
    c := CASE WHEN i < n THEN b + 6 ELSE 9 END;
    side := next_side;
    next_side := qx * p[c] + qy * p[c + 1] + qz * p[c + 2] >= 0;
    IF side <> next_side AND i <> skip THEN
      start := x * p[b + 3] + y * p[b + 4] + z * p[b + 5];
      size := rx * p[b + 3] + ry * p[b + 4] + rz * p[b + 5];
      -- Crossed on this side of the sphere, not opposite to it, when the sense in which the path
      -- passes the arc is the one in which the arc passes the path.
      IF side AND start < 0 AND size > 0 OR next_side AND start > 0 AND size < 0 THEN
        found := found + 1;
      END IF;
    END IF;
  END LOOP;
  RETURN found;
END $$;

-- Whether a unit vector is inside or on the border.
CREATE OR REPLACE FUNCTION pzvo.polygon_holds(p float8[], x float8, y float8, z float8)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  n int4 := p[1]::int4 / 2;
  b int4;
  rx float8 := 0.23570374287995946;
  ry float8 := -0.5713160043131109;
  rz float8 := 0.7861563259352935;
  qx float8; qy float8; qz float8;
  side boolean;
  next_side boolean;
  last_side boolean;
  start float8;
  size float8;
  inside boolean := p[3] = 1;
  near boolean := false;
BEGIN
  IF x * p[5] + y * p[6] + z * p[7] < p[8] THEN
    RETURN false;
  ELSIF x * rx + y * ry + z * rz < -1 + 1e-9 THEN
    inside := p[4] = 1;
    rx := -0.6123724390281607;
    ry := 0.35355338943890835;
    rz := -0.7071067788778167;
  END IF;
  qx := (y - ry) * (z + rz) - (z - rz) * (y + ry);
  qy := (z - rz) * (x + rx) - (x - rx) * (z + rz);
  qz := (x - rx) * (y + ry) - (y - ry) * (x + rx);
  last_side := qx * p[9] + qy * p[10] + qz * p[11] >= 0;
  next_side := last_side;
  FOR i IN 1..n LOOP
    b := 3 + 6 * i;
    side := next_side;
    next_side := CASE WHEN i < n THEN qx * p[b + 6] + qy * p[b + 7] + qz * p[b + 8] >= 0
                 ELSE last_side END;
    start := x * p[b + 3] + y * p[b + 4] + z * p[b + 5];
    IF abs(start) <= 1e-12 THEN
      near := near OR p[b + 3] <> 0 OR p[b + 4] <> 0 OR p[b + 5] <> 0;
    END IF;
    IF side <> next_side THEN
      size := rx * p[b + 3] + ry * p[b + 4] + rz * p[b + 5];
      IF side AND start < 0 AND size > 0 OR next_side AND start > 0 AND size < 0 THEN
        inside := NOT inside;
      END IF;
    END IF;
  END LOOP;
  IF near AND NOT inside THEN
    RETURN pzvo.polygon_border(p, x, y, z) <= 1e-12;
  END IF;
  RETURN inside;
END $$;

-- The smallest angle from a unit vector to the border, in radians.
CREATE OR REPLACE FUNCTION pzvo.polygon_border(p float8[], x float8, y float8, z float8)
RETURNS float8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  n int4 := p[1]::int4 / 2;
  b int4;
  c int4;
  nx float8; ny float8; nz float8;
  chord float8;
  least_chord float8 := 5;
  greatest_chord float8 := -1;
  nearest int4 := 9;
  opposite int4 := 9;
  height float8;
  lowest float8 := 2;
BEGIN
  FOR i IN 1..n LOOP
    b := 3 + 6 * i;
    c := CASE WHEN i < n THEN b + 6 ELSE 9 END;
    chord := (x - p[b]) * (x - p[b]) + (y - p[b + 1]) * (y - p[b + 1])
      + (z - p[b + 2]) * (z - p[b + 2]);
    IF chord < least_chord THEN
      least_chord := chord;
      nearest := b;
    END IF;
    -- On the other side of the sphere the distances from the antipode tell vertices apart.
    IF chord > 2 THEN
      chord := (x + p[b]) * (x + p[b]) + (y + p[b + 1]) * (y + p[b + 1])
        + (z + p[b + 2]) * (z + p[b + 2]);
      IF chord > greatest_chord THEN
        greatest_chord := chord;
        opposite := b;
      END IF;
    END IF;
    nx := p[b + 3]; ny := p[b + 4]; nz := p[b + 5];
    height := abs(x * nx + y * ny + z * nz);
    -- Before the end of the arc and after its start, seen along it.
    IF height < lowest AND (nx <> 0 OR ny <> 0 OR nz <> 0)
      AND x * (ny * p[b + 2] - nz * p[b + 1]) + y * (nz * p[b] - nx * p[b + 2])
        + z * (nx * p[b + 1] - ny * p[b]) >= 0
      AND x * (p[c + 1] * nz - p[c + 2] * ny) + y * (p[c + 2] * nx - p[c] * nz)
        + z * (p[c] * ny - p[c + 1] * nx) >= 0
    THEN
      lowest := height;
    END IF;
  END LOOP;
  IF least_chord > 2 THEN
    nearest := opposite;
  END IF;
  chord := pzvo.angle(x, y, z, p[nearest], p[nearest + 1], p[nearest + 2]);
  RETURN CASE WHEN lowest > 1.5 THEN chord ELSE least(chord, asin(least(lowest, 1))) END;
END $$;

-- Whether arcs of two polygons cross; touching is not crossing.
CREATE OR REPLACE FUNCTION pzvo.polygons_cross(p float8[], q float8[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  n int4 := p[1]::int4 / 2;
  m int4 := q[1]::int4 / 2;
  a int4; b int4; c int4; d int4;
  from_a float8; from_b float8; from_c float8; from_d float8;
BEGIN
  FOR i IN 1..n LOOP
    a := 3 + 6 * i;
    b := CASE WHEN i < n THEN a + 6 ELSE 9 END;
    from_d := q[9] * p[a + 3] + q[10] * p[a + 4] + q[11] * p[a + 5];
    FOR j IN 1..m LOOP
      c := 3 + 6 * j;
      d := CASE WHEN j < m THEN c + 6 ELSE 9 END;
      from_c := from_d;
      from_d := q[d] * p[a + 3] + q[d + 1] * p[a + 4] + q[d + 2] * p[a + 5];
      IF from_c > 1e-12 AND from_d < -1e-12 OR from_c < -1e-12 AND from_d > 1e-12 THEN
        from_a := p[a] * q[c + 3] + p[a + 1] * q[c + 4] + p[a + 2] * q[c + 5];
        from_b := p[b] * q[c + 3] + p[b + 1] * q[c + 4] + p[b + 2] * q[c + 5];
        IF from_c > 0 AND from_a < -1e-12 AND from_b > 1e-12
          OR from_c < 0 AND from_a > 1e-12 AND from_b < -1e-12
        THEN
          RETURN true;
        END IF;
      END IF;
    END LOOP;
  END LOOP;
  RETURN false;
END $$;

-- Whether a polygon holds any vertex of another.
CREATE OR REPLACE FUNCTION pzvo.polygon_holds_vertex(p float8[], q float8[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  FOR i IN 1..q[1]::int4 / 2 LOOP
    IF pzvo.polygon_holds(p, q[3 + 6 * i], q[4 + 6 * i], q[5 + 6 * i]) THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END $$;

-- Whether a polygon lies in another: all of its vertices and middles of arcs do, no arcs cross,
-- and no vertex of the outer polygon deep inside it shows a notch that it fills.
CREATE OR REPLACE FUNCTION pzvo.polygon_within(q float8[], p float8[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  n int4 := q[1]::int4 / 2;
  b int4;
  c int4;
  x float8; y float8; z float8;
  size float8;
BEGIN
  FOR i IN 1..n LOOP
    b := 3 + 6 * i;
    c := CASE WHEN i < n THEN b + 6 ELSE 9 END;
    x := q[b] + q[c]; y := q[b + 1] + q[c + 1]; z := q[b + 2] + q[c + 2];
    size := sqrt(x * x + y * y + z * z);
    IF size = 0 OR NOT pzvo.polygon_holds(p, q[b], q[b + 1], q[b + 2])
      OR NOT pzvo.polygon_holds(p, x / size, y / size, z / size)
    THEN
      RETURN false;
    END IF;
  END LOOP;
  FOR i IN 1..p[1]::int4 / 2 LOOP
    b := 3 + 6 * i;
    IF pzvo.polygon_holds(q, p[b], p[b + 1], p[b + 2])
      AND pzvo.polygon_border(q, p[b], p[b + 1], p[b + 2]) > 2e-12
    THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN NOT pzvo.polygons_cross(q, p);
END $$;
