"""What the graphics card runs for the 3D view (GLSL): surfaces with a light, slices and their frames."""

MESH_VERTEX = """
attribute highp vec3 position;
attribute highp vec3 normal;
uniform highp mat4 projection;
uniform highp mat4 view;
varying highp vec3 facing;
void main() {
    facing = (view * vec4(normal, 0.0)).xyz;
    gl_Position = projection * view * vec4(position, 1.0);
}
"""
# A light over the reader's left shoulder. ``rim`` makes a shell fainter where one looks straight through it.
MESH_FRAGMENT = """
uniform mediump vec4 colour;
uniform mediump float rim;
varying highp vec3 facing;
void main() {
    mediump vec3 n = normalize(facing);
    mediump vec3 light = normalize(vec3(-0.4, 0.5, 1.0));
    mediump float diffuse = max(dot(n, light), 0.0);
    mediump float shine = 0.2 * pow(max(dot(n, normalize(light + vec3(0.0, 0.0, 1.0))), 0.0), 30.0);
    mediump float edge = 1.0 - clamp(n.z, 0.0, 1.0);
    mediump float alpha = colour.a * mix(1.0, 0.25 + 2.0 * edge * edge, rim);
    gl_FragColor = vec4(colour.rgb * (0.3 + 0.75 * diffuse) + shine * (1.0 - rim), min(alpha, 1.0));
}
"""
PLANE_VERTEX = """
attribute highp vec3 position;
attribute highp vec2 place;
uniform highp mat4 projection;
uniform highp mat4 view;
varying highp vec2 at;
void main() {
    at = place;
    gl_Position = projection * view * vec4(position, 1.0);
}
"""
PLANE_FRAGMENT = """
uniform sampler2D picture;
uniform mediump vec4 colour;
varying highp vec2 at;
void main() {
    mediump vec4 texel = texture2D(picture, at);
    if (colour.a > 0.0) {
        gl_FragColor = colour;
    } else {
        if (texel.a < 0.5) discard;
        gl_FragColor = vec4(texel.rgb, 1.0);
    }
}
"""
