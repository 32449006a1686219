import os

from dash import Dash, dcc, html

app = Dash(title="Waves")
app.layout = html.Div(
    [html.H1("Waves"), dcc.Graph(figure={"data": [{"y": [0.4, 0.9, 0.5]}]})]
)

if __name__ == "__main__":
    app.run(host="0.0.0.0", port=os.environ.get("PORT", "8050"))
