-- Pairs of shapes: which contains which, which touch; their areas and centers; boxes.
-- Formulas and borders are those of vo_service.engines.sphere.shapes and boxes. Points within
-- 1e-12 radians of a border are inside.

-- Whether a prepared shape lies in another. A polygon lies in a circle when the antipode of the
-- center is no nearer to it than 180 degrees less the radius.
CREATE OR REPLACE FUNCTION pzvo.shape_contains(a float8[], b float8[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  radius float8;
  apart float8;
BEGIN
  IF b[1] = 2 THEN
    RETURN NULL;
  ELSIF b[1] = 3 THEN
    radius := pzvo.angle_of_degrees(b[5]);
    IF a[1] <= 3 THEN
      RETURN a[5] >= 0 AND (b[5] >= 180
        OR pzvo.angle(a[2], a[3], a[4], b[2], b[3], b[4]) + pzvo.angle_of_degrees(a[5])
          <= radius + 1e-12);
    ELSIF b[5] >= 180 OR b[5] < 0 THEN
      RETURN b[5] >= 180;
    ELSIF pzvo.polygon_holds(a, -b[2], -b[3], -b[4]) THEN
      RETURN pi() <= radius + 1e-12;
    END IF;
    RETURN pi() - pzvo.polygon_border(a, -b[2], -b[3], -b[4]) <= radius + 1e-12;
  ELSIF a[1] > 3 THEN
    RETURN pzvo.polygon_within(a, b);
  ELSIF a[5] < 0 OR NOT pzvo.polygon_holds(b, a[2], a[3], a[4]) THEN
    RETURN false;
  ELSIF a[1] = 2 THEN
    RETURN true;
  END IF;
  RETURN pzvo.polygon_border(b, a[2], a[3], a[4]) >= pzvo.angle_of_degrees(a[5]) - 1e-12;
END $$;

-- Whether two prepared shapes have a position in common.
CREATE OR REPLACE FUNCTION pzvo.shape_intersects(a float8[], b float8[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF a[1] > b[1] THEN
    RETURN pzvo.shape_intersects(b, a);
  ELSIF b[1] <= 3 THEN
    RETURN a[5] >= 0 AND b[5] >= 0
      AND pzvo.angle(a[2], a[3], a[4], b[2], b[3], b[4])
        <= pzvo.angle_of_degrees(a[5] + b[5]) + 1e-12;
  ELSIF a[1] <= 3 THEN
    RETURN a[5] >= 0 AND (pzvo.polygon_holds(b, a[2], a[3], a[4])
      OR pzvo.polygon_border(b, a[2], a[3], a[4]) <= pzvo.angle_of_degrees(a[5]) + 1e-12);
  END IF;
  RETURN pzvo.polygon_holds_vertex(b, a) OR pzvo.polygon_holds_vertex(a, b)
    OR pzvo.polygons_cross(a, b);
END $$;

-- Whether a position is in a prepared polygon.
CREATE OR REPLACE FUNCTION pzvo.position_held(p float8[], lon float8, lat float8) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  alpha float8;
  delta float8;
BEGIN
  IF p[1] <= 3 OR abs(lon) >= 'Infinity' OR abs(lat) >= 'Infinity' THEN
    RETURN NULL;
  END IF;
  alpha := pzvo.angle_of_degrees(lon);
  delta := pzvo.angle_of_degrees(lat);
  RETURN pzvo.polygon_holds(p, cos(delta) * cos(alpha), cos(delta) * sin(alpha), sin(delta));
END $$;

-- The same, with the cap that holds the polygon asked first. It is inlined where the polygon is
-- constant, and most positions are outside of the cap.
CREATE OR REPLACE FUNCTION pzvo.shape_holds(p float8[], lon float8, lat float8) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN cos(pzvo.angle_of_degrees(pzvo.finite(lat)))
    * (cos(pzvo.angle_of_degrees(pzvo.finite(lon))) * p[5]
      + sin(pzvo.angle_of_degrees(pzvo.finite(lon))) * p[6])
    + sin(pzvo.angle_of_degrees(pzvo.finite(lat))) * p[7] < p[8] THEN false
  ELSE pzvo.position_held(p, lon, lat) END
$$;

-- These take shapes as they are stored. They are inlined, so that a constant is prepared once.

CREATE OR REPLACE FUNCTION pzvo.sphere_inside(lon float8, lat float8, vertices float8[])
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT pzvo.shape_holds(pzvo.shape(vertices), lon, lat)
$$;

CREATE OR REPLACE FUNCTION pzvo.sphere_contains(inside float8[], outside float8[])
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT pzvo.shape_contains(pzvo.shape(inside), pzvo.shape(outside))
$$;

CREATE OR REPLACE FUNCTION pzvo.sphere_intersects(a float8[], b float8[])
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT pzvo.shape_intersects(pzvo.shape(a), pzvo.shape(b))
$$;

-- The area of a shape in square degrees; NULL for a negative radius.
CREATE OR REPLACE FUNCTION pzvo.area(numbers float8[]) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  p float8[] := pzvo.shape(numbers);
BEGIN
  IF p[1] = 2 THEN
    RETURN 0;
  ELSIF p[1] = 3 THEN
    RETURN CASE WHEN p[5] >= 0 THEN 4 * pi() * pzvo.square(degrees(1))
      * pzvo.square(sin(pzvo.angle_of_degrees(least(p[5], 180)) / 2)) END;
  END IF;
  RETURN p[2] * pzvo.square(degrees(1));
END $$;

-- The center of the area of a shape: of plane triangles below 1e-4 radians, of arcs above.
CREATE OR REPLACE FUNCTION pzvo.centroid(numbers float8[]) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  p float8[] := pzvo.shape(numbers);
  n int4 := p[1]::int4 / 2;
  b int4;
  c int4;
  size float8;
  extent float8 := 0;
  x float8 := 0; y float8 := 0; z float8 := 0;
  u float8 := 0; v float8 := 0; w float8 := 0;
BEGIN
  IF p IS NULL THEN
    RETURN NULL;
  ELSIF n = 1 THEN
    RETURN numbers[1:2];
  END IF;
  FOR i IN 1..n LOOP
    b := 3 + 6 * i;
    c := CASE WHEN i < n THEN b + 6 ELSE 9 END;
    extent := greatest(extent, pzvo.angle(p[9], p[10], p[11], p[b], p[b + 1], p[b + 2]));
    size := pzvo.angle(p[b], p[b + 1], p[b + 2], p[c], p[c + 1], p[c + 2]);
    x := x + size * p[b + 3]; y := y + size * p[b + 4]; z := z + size * p[b + 5];
    size := pzvo.triangle(p[9], p[10], p[11], p[b], p[b + 1], p[b + 2], p[c], p[c + 1], p[c + 2]);
    u := u + size * (p[9] + p[b] + p[c]);
    v := v + size * (p[10] + p[b + 1] + p[c + 1]);
    w := w + size * (p[11] + p[b + 2] + p[c + 2]);
  END LOOP;
  RETURN CASE WHEN extent < 1e-4 THEN pzvo.lonlat(u, v, w) ELSE pzvo.lonlat(x, y, z) END;
END $$;

-- The corners of a box, counter-clockwise as seen from the observer: in the gnomonic projection
-- about the center it is a rectangle. NULL where a size is not from 0 to 180 degrees.
CREATE OR REPLACE FUNCTION pzvo.box(lon float8, lat float8, width float8, height float8)
RETURNS float8[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  alpha float8;
  delta float8;
  corners float8[] := '{}';
  e float8;
  n float8;
BEGIN
  IF NOT (width >= 0 AND width < 180 AND height >= 0 AND height < 180)
    OR abs(lon) >= 'Infinity' OR abs(lat) >= 'Infinity'
  THEN
    RETURN NULL;
  END IF;
  alpha := pzvo.angle_of_degrees(lon);
  delta := pzvo.angle_of_degrees(lat);
  FOR i IN 0..3 LOOP
    e := tan(pzvo.angle_of_degrees(width) / 2) * CASE WHEN i < 2 THEN 1 ELSE -1 END;
    n := tan(pzvo.angle_of_degrees(height) / 2) * CASE WHEN i IN (1, 2) THEN 1 ELSE -1 END;
    corners := corners || pzvo.lonlat(
      cos(delta) * cos(alpha) - e * sin(alpha) - n * sin(delta) * cos(alpha),
      cos(delta) * sin(alpha) + e * cos(alpha) - n * sin(delta) * sin(alpha),
      sin(delta) + n * cos(delta));
  END LOOP;
  RETURN corners;
END $$;
