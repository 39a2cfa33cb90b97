"""GLSL of the face: one vertex stage, one fragment stage a kind of surface.

Colours are mixed in a space of gamma 2 (square on the way in, square root on the way out): close to sRGB and far
cheaper than its exact curve where software draws.
"""

_VERTEX_BODY = """
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec4 paint;      // rgb, ambient visibility
layout(location = 3) in vec3 rest;       // neutral shape; for eyes: neutral direction from the eye's centre
layout(location = 4) in vec2 crease;     // phase: whole along the creases of skin; depth
layout(location = 5) in vec2 place;      // on the part's picture
uniform mat4 view_projection;
uniform vec3 fill_direction;
uniform vec3 fill_colour;
uniform vec3 key_colour;
uniform vec3 wrap;
out vec3 v_normal;
out vec4 v_soft;                         // light that changes slowly over a face, and ambient visibility
out vec3 v_key;                          // what the key light makes where it falls straight
out vec3 v_rest;
out vec2 v_crease;
out vec2 v_place;
#ifdef SHADOW
uniform mat4 shadow_matrix;              // world to the key light's depth map, all in 0..1
uniform sampler2DShadow shadow_map;
uniform vec3 shadow_step;                // between samples; bias along the normal [m]; bias in depth
float key_light() {
    vec3 place = (shadow_matrix * vec4(position + normal * shadow_step.y, 1.0)).xyz;
    place.z -= shadow_step.z;
    float light = 0.0;
    for (int x = -2; x <= 2; x++)
        for (int y = -2; y <= 2; y++)
            light += texture(shadow_map, vec3(place.xy + shadow_step.x * vec2(x, y), place.z));
    return light / 25.0;
}
#else
float key_light() { return 1.0; }
#endif
void main() {
    gl_Position = view_projection * vec4(position, 1.0);
    vec3 soft = mix(vec3(0.105, 0.088, 0.085), vec3(0.20, 0.21, 0.225), 0.5 + 0.5 * normal.y)
              + fill_colour * clamp((dot(normal, fill_direction) + wrap) / (1.0 + wrap), 0.0, 1.0);
    // Shade in the creases of skin is warm: it loses blue first.
    vec3 visible = mix(vec3(paint.a), vec3(1.0), wrap * vec3(0.5, 0.3, 0.25) * (1.0 - paint.a));
    vec3 base = paint.rgb * paint.rgb * visible;
    v_normal = normal;
    v_soft = vec4(base * soft, paint.a);
    v_key = base * key_colour * key_light();
    v_rest = rest;
    v_crease = crease;
    v_place = place;
}
"""

VERTEX = "#version 330 core\n" + _VERTEX_BODY
# Shadows are looked up at the vertices: soft by themselves, and almost free.
SHADED_VERTEX = "#version 330 core\n#define SHADOW\n" + _VERTEX_BODY

# The camera stands far off, so the direction to it is one for all pixels. `wrap` lets light creep round the edge
# of shade, red the farthest, which is how light under skin looks (wrapped diffuse, GPU Gems, chapter 16).
# Software OpenGL runs both sides of every branch: what few pixels need has a program of its own.
_FRAGMENT_HEAD = """#version 330 core
in vec3 v_normal;
in vec4 v_soft;
in vec3 v_key;
in vec3 v_rest;
out vec4 colour;
uniform vec3 key_direction;
uniform vec3 key_colour;
uniform vec3 rim_direction;
uniform vec3 rim_colour;
uniform vec3 to_eye;
uniform vec3 half_way;                   // between key light and eye
uniform vec3 wrap;
uniform vec3 unwrap;                     // 1 / (1 + wrap)
uniform float gloss;
#ifdef TEXTURED
in vec2 v_place;
uniform sampler2D picture;
uniform float cutoff;                    // alpha below which nothing is shown
vec3 painted(vec3 tint) {
    vec4 texel = texture(picture, v_place);
    if (texel.a < cutoff) discard;
    return tint * texel.rgb * texel.rgb;
}
#else
vec3 painted(vec3 tint) { return tint; }
#endif

vec4 shade(vec3 tint, vec3 n, float gloss_strength) {
    float glance = 1.0 - max(dot(n, to_eye), 0.0);
    float shine = max(dot(n, half_way), 0.0);
    shine *= shine;
    shine *= shine;
    shine *= shine;
    shine *= shine;                      // to the power of 16
    shine *= gloss_strength + 2.0 * gloss_strength * glance;
    float rim = glance * glance * glance * max(dot(n, rim_direction) + 0.3, 0.0);
    vec3 lit = v_soft.rgb + v_key * clamp((dot(n, key_direction) + wrap) * unwrap, 0.0, 1.0);
    return vec4(sqrt(tint * lit + (key_colour * shine + rim_colour * rim) * v_soft.a), 1.0);
}
"""

# A crease is a dark line beside a lighter ridge; blood is pressed out of the ridge and shade is warm.
PLAIN_FRAGMENT = (
    _FRAGMENT_HEAD
    + """
in vec2 v_crease;
void main() {
    float turn = 6.2832 * v_crease.x;
    float line = 0.5 + 0.5 * cos(turn);
    line *= line;
    vec3 tint = vec3(1.0) - v_crease.y * (line * line * vec3(0.42, 0.55, 0.58) + 0.10 * sin(turn) * line);
    colour = shade(painted(tint), normalize(v_normal), gloss);
}
"""
)

TWO_SIDED_FRAGMENT = (
    _FRAGMENT_HEAD
    + """
void main() { colour = shade(painted(vec3(1.0)), normalize(gl_FrontFacing ? v_normal : -v_normal), gloss); }
"""
)


def textured(fragment: str) -> str:
    """The fragment stage of the same surface with a picture on it."""
    version, rest = fragment.split("\n", 1)
    return f"{version}\n#define TEXTURED\n{rest}"


EYE_FRAGMENT = (
    _FRAGMENT_HEAD
    + """
uniform vec3 iris_colour;
uniform vec2 iris_size;                  // sine of the iris's and of the pupil's angle from the optical axis

void main() {
    vec3 local = normalize(v_rest);
    float radius = local.z > 0.0 ? length(local.xy) : 2.0;
    float soft = max(fwidth(radius), 0.01);
    // The white is redder and darker towards the corners.
    vec3 base = mix(vec3(1.0), vec3(0.78, 0.62, 0.58), smoothstep(0.5, 1.0, radius));
    float ring = smoothstep(0.62 * iris_size.x, iris_size.x, radius);
    float angle = atan(local.y, local.x);
    float fibres = 0.85 + 0.15 * sin(angle * 31.0 + 3.0 * sin(angle * 7.0));
    // Light that enters at the top leaves at the bottom of the iris.
    vec3 iris = iris_colour * mix(1.5 - 1.6 * local.y, 0.35, ring * ring) * fibres;
    base = mix(base, iris, 1.0 - smoothstep(iris_size.x - soft, iris_size.x + soft, radius));
    base = mix(base, vec3(0.004), 1.0 - smoothstep(iris_size.y - soft, iris_size.y + soft, radius));
    base *= 1.0 - 0.45 * smoothstep(0.05, 0.5, local.y);
    vec3 n = normalize(v_normal);
    // The catchlight is what makes an eye look alive; it is a reflection, so it stays while the eye turns.
    float spark = smoothstep(0.9915, 0.9965, dot(n, normalize(vec3(-0.15, 0.13, 1.0))));
    colour = shade(base, n, gloss) + 0.8 * spark;
}
"""
)

# Noise in cells: across the hairs fine, along them long. A hair reaches the shells up to its own height.
HAIR_FRAGMENT = (
    _FRAGMENT_HEAD
    + """
in vec2 v_crease;                        // share of the hairs that grow here; height of the shell

float chance(vec2 cell) { return fract(sin(dot(cell, vec2(12.9898, 78.233))) * 43758.5453); }

float streak(vec2 place) {               // even between cells along a hair
    vec2 cell = floor(place);
    float along = fract(place.y);
    return mix(chance(cell), chance(cell + vec2(0.0, 1.0)), along * along * (3.0 - 2.0 * along));
}

void main() {
    float turn = atan(v_rest.x, v_rest.y) / 6.2832 + 0.5;
    float far = length(v_rest.xy);
    turn += 0.006 * sin(23.0 * far + 40.0 * turn);
    float hair = streak(vec2(mod(floor(turn * 640.0), 640.0), far * 9.0));
    float lock = streak(vec2(mod(floor(turn * 90.0), 90.0), far * 4.0 + 7.0));
    if (0.7 * hair + 0.3 * lock < mix(1.05 - 1.12 * v_crease.x, 0.72, v_crease.y * v_crease.y)) discard;
    float deep = mix(0.35, 1.0, v_crease.y);
    colour = shade(vec3(deep * (0.55 + 0.6 * hair + 0.5 * lock)), normalize(v_normal), gloss * (0.4 + 1.2 * hair));
}
"""
)

BACKDROP_VERTEX = """#version 330 core
out vec2 place;
void main() {                            // one triangle that covers everything
    place = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
    gl_Position = vec4(place * 2.0 - 1.0, 0.0, 1.0);
}
"""

BACKDROP_FRAGMENT = """#version 330 core
in vec2 place;
out vec4 colour;
uniform vec3 backdrop;
uniform float aspect;
void main() {
    vec2 from_middle = (place - vec2(0.5, 0.45)) * vec2(aspect, 1.0);
    float light = 1.25 - 0.95 * smoothstep(0.0, 1.1, length(from_middle));
    // A grain of one grey level hides the steps of a slow gradient.
    float grain = fract(sin(dot(gl_FragCoord.xy, vec2(12.9898, 78.233))) * 43758.5453) - 0.5;
    colour = vec4(sqrt(backdrop * light) + grain / 255.0, 1.0);
}
"""

DEPTH_VERTEX = """#version 330 core
layout(location = 0) in vec3 position;
uniform mat4 view_projection;
void main() { gl_Position = view_projection * vec4(position, 1.0); }
"""

DEPTH_FRAGMENT = """#version 330 core
void main() {}
"""
